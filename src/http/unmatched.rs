use rocket::http::{Method, Status};
use rocket::{Catcher, Request, catch, catchers};

use super::paths::is_well_encoded;
use super::problem::Problem;
use super::requests::Arrival;

pub fn catchers() -> Vec<Catcher> {
    catchers![unmatched]
}

/// Whatever no route answered: an unknown path or method, what is no request at all to Rocket, or
/// a panic.
#[catch(default)]
fn unmatched(status: Status, request: &Request<'_>) -> Problem {
    if status.class().is_server_error() {
        Problem::internal()
    } else if !is_well_encoded(request.uri().path().as_str()) {
        Problem::bad_encoding()
    } else if let Some(allow) = allowed_methods(request) {
        Problem::method_not_allowed(allow)
    } else if Arrival::of(request).regular || request.uri().path() != "/" {
        Problem::not_found()
    } else {
        Problem::bad_request("The request target must be a path, such as /table.")
    }
}

/// The methods that the path of `request` takes, as `Allow` lists them; `None` if it is unknown.
fn allowed_methods(request: &Request<'_>) -> Option<String> {
    let wanted: Vec<_> = request.uri().path().segments().collect();
    let ends_in_slash = request.uri().path().ends_with('/');
    let is_known = |path: &str| {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let mut wanted = wanted.iter();
        loop {
            match (segments.next(), wanted.next()) {
                // `/table/view` is unknown; `/table/view/` is a sheet without a date.
                (Some("<_..>"), next) => return next.is_some() || ends_in_slash,
                (Some(segment), Some(&next)) if segment == next => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    };
    let mut methods: Vec<_> = request
        .rocket()
        .routes()
        .filter(|route| is_known(route.uri.path()))
        .flat_map(|route| match route.method {
            Method::Get => vec![Method::Get, Method::Head],
            method => vec![method],
        })
        .map(|method| method.as_str())
        .collect();
    methods.sort_unstable();
    methods.dedup();
    (!methods.is_empty()).then(|| methods.join(", "))
}
