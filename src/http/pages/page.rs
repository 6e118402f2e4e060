use std::io::Cursor;

use askama::Template;
use rocket::Request;
use rocket::http::{ContentType, Header};
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
}

impl Page {
    pub(crate) fn of(template: &impl Template) -> Result<Self, Problem> {
        match template.render() {
            Ok(html) => Ok(Self { html }),
            Err(error) => Err(Problem::from(StoreError::defect(error))),
        }
    }

    /// Puts the page into `response`, in the place of what it had.
    pub(super) fn write(self, response: &mut Response<'_>) {
        response.set_header(ContentType::HTML);
        for (name, value) in [
            ("Content-Security-Policy", SECURITY_POLICY),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
            ("Vary", "Accept"),
        ] {
            response.set_header(Header::new(name, value));
        }
        response.set_sized_body(self.html.len(), Cursor::new(self.html));
    }
}

impl<'r> Responder<'r, 'static> for Page {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::new();
        self.write(&mut response);
        Ok(response)
    }
}
