use rocket::http::{Method, Status};
use rocket::{Catcher, Request, catch, catchers};

use crate::http::guard::refused;
use crate::http::watch::Arrival;
use crate::http::wire::{Problem, Target, is_well_encoded};

pub(crate) fn catchers() -> Vec<Catcher> {
    catchers![unmatched]
}

/// The answer where no handler gave one: a guard refused the request, the path or the method is
/// unknown, the target is not a path, or a handler panicked.
#[catch(default)]
fn unmatched(status: Status, request: &Request<'_>) -> Problem {
    if let Some(problem) = refused(request, status) {
        problem
    } else if status.class().is_server_error() {
        Problem::internal()
    } else if Arrival::of(request).target == Target::Authority {
        Problem::bad_request("The request target must be a path, such as /table.")
    } else if !is_well_encoded(request.uri().path().as_str()) {
        Problem::bad_encoding()
    } else if let Some(allow) = allowed_methods(request)
        // With an allowed method, the path has a parameter that is not even UTF-8.
        && !allow.split(", ").any(|method| method == request.method().as_str())
    {
        Problem::method_not_allowed(allow)
    } else {
        Problem::not_found()
    }
}

/// The methods that the path of `request` has, as `Allow` lists them; `None` if it is unknown.
fn allowed_methods(request: &Request<'_>) -> Option<String> {
    let path = request.uri().path();
    let mut methods: Vec<_> = request
        .rocket()
        .routes()
        .filter(|route| matches(route.uri.path(), path.as_str()))
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

/// Whether a route's `pattern` matches `path`, whatever the method.
fn matches(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.split('/').filter(|segment| !segment.is_empty());
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    loop {
        match (wanted.next(), segments.next()) {
            // `/table/view` is unknown; `/table/view/` is a sheet without a date.
            (Some(rest), next) if rest.ends_with("..>") => {
                return next.is_some() || path.ends_with('/');
            }
            (Some(parameter), Some(_)) if parameter.starts_with('<') => {}
            (Some(wanted), Some(segment)) if decoded(segment) == wanted => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

fn decoded(segment: &str) -> std::borrow::Cow<'_, str> {
    rocket::http::RawStr::new(segment).percent_decode_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_segment_by_segment() {
        for (pattern, path) in [
            ("/table", "/table"),
            ("/table", "/t%61ble"),
            ("/table", "/table/"),
            ("/table/view/<_..>", "/table/view/"),
            ("/table/view/<_..>", "/table/view/date:today"),
            ("/table/view/<_..>", "/table/view/a/b"),
            ("/entry/<id>/void", "/entry/7/void"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/table", "/"),
            ("/table", "/table/x"),
            ("/table/view/<_..>", "/table/view"),
            ("/entry/<id>/void", "/entry/7"),
            ("/entry/<id>/void", "/entry/7/correct"),
            ("/entry/<id>", "/entry/7/void"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }
}
