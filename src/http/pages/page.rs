use std::io::Cursor;

use askama::Template;
use rocket::Request;
use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};

use crate::http::wire::Problem;
use crate::store::StoreError;

/// Nothing from another origin, and of our own only the style, the script, the icon and what the
/// script asks for.
const SECURITY_POLICY: &str = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; \
     base-uri 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'";

/// A page, as an answer.
pub(crate) struct Page {
    html: String,
    status: Status,
    security_policy: &'static str,
}

impl Page {
    pub(crate) fn of(template: &impl Template) -> Result<Self, Problem> {
        match template.render() {
            Ok(html) => Ok(Self { html, status: Status::Ok, security_policy: SECURITY_POLICY }),
            Err(error) => Err(Problem::from(StoreError::defect(error))),
        }
    }

    pub(crate) fn with_status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    /// The page with a `Content-Security-Policy` of its own.
    pub(super) fn with_policy(self, security_policy: &'static str) -> Self {
        Self { security_policy, ..self }
    }

    /// The page up to `mark`, and what follows it. Without the mark nothing follows.
    pub(super) fn split(mut self, mark: &str) -> (Self, String) {
        let after = match self.html.split_once(mark) {
            Some((before, after)) => {
                let (end, after) = (before.len(), after.to_owned());
                self.html.truncate(end);
                after
            }
            None => String::new(),
        };
        (self, after)
    }

    /// Sets the headers of a page. Returns its text.
    pub(super) fn into_headers(self, response: &mut Response<'_>) -> String {
        response.set_header(ContentType::HTML);
        for (name, value) in [
            ("Content-Security-Policy", self.security_policy),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
            ("Vary", "Accept"),
        ] {
            response.set_header(Header::new(name, value));
        }
        self.html
    }

    /// Puts the page into `response`, in the place of what it had.
    pub(super) fn write(self, response: &mut Response<'_>) {
        let html = self.into_headers(response);
        response.set_sized_body(html.len(), Cursor::new(html));
    }
}

impl<'r> Responder<'r, 'static> for Page {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build().status(self.status).finalize();
        self.write(&mut response);
        Ok(response)
    }
}
