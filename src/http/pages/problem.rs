use std::sync::{Arc, OnceLock};

use askama::Template;
use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{Header, Method};
use rocket::{Request, Response};

use super::frame::{Frame, Tab, Viewer};
use super::page::Page;
use super::refused_form::{FormOf, RefusedForm};
use super::shown_moment::ShownMoment;
use super::sign_in::sign_in_again;
use crate::domain::{FieldError, Site};
use crate::http::guard::{Admission, Browser, Visitor};
use crate::http::watch::Arrival;
use crate::http::wire::{Problem, Reported, RequestBody, return_path};

/// The beginnings of the paths that have pages.
const PAGES: [&str; 6] = [
    "/table/view/",
    "/table/entry",
    "/table/people",
    "/table/inside",
    "/table/gates",
    "/admin/tokens",
];

/// Where a browser is sent after it has signed in, left in the request where signing in failed.
#[derive(Default)]
pub(crate) struct ReturnTo(OnceLock<String>);

impl ReturnTo {
    pub(crate) fn leave(request: &Request<'_>, path: &str) {
        // A request has one answer, so nothing was left before.
        let _ = request.local_cache(Self::default).0.set(path.to_owned());
    }

    fn of(request: &Request<'_>) -> String {
        let here = request.uri().to_string();
        let here = match request.method() {
            Method::Get | Method::Head => Some(&*here),
            _ => form_page(&here),
        };
        let left = request.local_cache(Self::default).0.get().map(String::as_str);
        left.or(here).and_then(return_path).unwrap_or("/table").to_owned()
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    problem: &'a Reported,
    request_id: &'a str,
    /// Whether the same link may work later, or with other rights.
    may_repeat: bool,
    path: &'a str,
    /// The page with the form that was sent.
    back: Option<&'a str>,
    /// The form, to be sent again.
    refused: Option<RefusedForm<'a>>,
    /// What is wrong, where the form does not say it.
    errors: Vec<&'a FieldError>,
    /// A moment as a form takes it.
    example: String,
}

/// Shows problems as pages, where a browser asked for a page.
pub(crate) struct ProblemPages;

#[rocket::async_trait]
impl Fairing for ProblemPages {
    fn info(&self) -> Info {
        Info { name: "problems as pages", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let browser = Browser::of(request);
        let Some(problem) = Reported::of(request) else { return };
        if !has_page(request.uri().path().as_str()) {
            return;
        }
        if browser.wants_page_of_problem
            && let Ok(page) = page(request, problem, browser).await
        {
            return page.write(response);
        }
        // A cache must not give it to a browser.
        response.set_header(Header::new("Vary", "Accept"));
        response.set_header(Header::new("Cache-Control", "no-store"));
    }
}

/// Whether there is a page at this path, or it takes a form of one.
pub(crate) fn has_page(path: &str) -> bool {
    ["/table", "/table/", "/session", "/session/end"].contains(&path)
        || PAGES.iter().any(|page| path.starts_with(page))
}

async fn page(
    request: &Request<'_>,
    problem: &Reported,
    browser: Browser,
) -> Result<Page, Problem> {
    let request_id = &*Arrival::of(request).id;
    if problem.is_unauthenticated() {
        let path = request.uri().path().as_str();
        let trouble = match request.method() {
            Method::Get | Method::Head => "This page needs a token.",
            _ if path == "/session" => {
                "This token is not valid. It may be mistyped, expired or revoked."
            }
            _ => {
                "You are signed out, and nothing was changed. Sign in, and fill in the form again."
            }
        };
        let frame = Frame::new(Viewer::default(), Tab::SignIn, browser);
        return sign_in_again(frame, &ReturnTo::of(request), trouble, request_id);
    }
    let may_repeat = request.method() == Method::Get && problem.is_temporary();
    let path = request.uri().to_string();
    let frame = Frame::new(viewer(request, problem).await, Tab::Other, browser);
    let back = match request.method() {
        Method::Post => form_page(&path),
        _ => None,
    };
    let body = RequestBody::of(request).read_bytes();
    let refused =
        body.and_then(|body| RefusedForm::of(request.uri().path().as_str(), body, problem));
    let is_shown = |field| refused.as_ref().is_some_and(|refused| refused.shows(field));
    let errors = problem.errors().iter().filter(|error| !is_shown(error.field)).collect();
    let example = example(request).unwrap_or_default();
    let path = &*path;
    Page::of(&ProblemPage {
        frame,
        problem,
        request_id,
        may_repeat,
        path,
        back,
        refused,
        errors,
        example,
    })
}

/// The page with the form that is sent to `path`.
fn form_page(path: &str) -> Option<&str> {
    if path.split('?').next() == Some("/table/entry") {
        return Some("/table");
    }
    match path.strip_prefix("/table/entry/") {
        Some(entry) => Some(&path[..path.len() - entry.len() + entry.find('/')?]),
        None if path.starts_with("/admin/tokens") => Some("/admin/tokens"),
        None => None,
    }
}

fn example(request: &Request<'_>) -> Option<String> {
    let clock = &request.rocket().state::<Arc<Admission>>()?.clock;
    Some(ShownMoment::new(clock.now(), request.rocket().state::<Site>()?).stamp)
}

async fn viewer(request: &Request<'_>, problem: &Reported) -> Viewer {
    match request.rocket().state::<Arc<Admission>>() {
        // While the store is away, a session may have to wait for it.
        Some(admission) if !problem.is_temporary() => {
            let caller = Visitor::of(request).identify(admission).await;
            Viewer::new(admission.access, caller.as_deref())
        }
        _ => Viewer::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_leads_back_to_the_page_with_the_form() {
        for (path, page) in [
            ("/table/entry/7/void", Some("/table/entry/7")),
            ("/table/entry/7/correct?format=html", Some("/table/entry/7")),
            ("/table/entry", Some("/table")),
            ("/table/entry/7", None),
            ("/admin/tokens/a/revoke", Some("/admin/tokens")),
            ("/session", None),
        ] {
            assert_eq!(form_page(path), page, "{path}");
        }
    }
}
