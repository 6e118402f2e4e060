//! How a problem is answered, and how it is remembered with its request.

use std::io::Cursor;
use std::sync::OnceLock;

use rocket::Request;
use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::kind;
use super::problem::Problem;
use crate::domain::FieldError;
use crate::store::StoreError;

/// When a client may try again, in seconds.
const RETRY_AFTER: &str = "1";

/// The problem that a request was answered with, left in the request for whoever counts it, logs it
/// or shows it as a page.
#[derive(Debug)]
pub(crate) struct Reported(Problem);

impl Reported {
    /// The problem that `request` was answered with, if it was one.
    pub(crate) fn of<'r>(request: &'r Request<'_>) -> Option<&'r Self> {
        request.local_cache(OnceLock::<Self>::new).get()
    }

    pub(crate) fn status(&self) -> u16 {
        self.0.kind.status.code
    }

    pub(crate) fn code(&self) -> &'static str {
        self.0.kind.code
    }

    pub(crate) fn title(&self) -> &'static str {
        self.0.kind.title
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    pub(crate) fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The real reason, for the log only.
    pub(crate) fn cause(&self) -> Option<&StoreError> {
        self.0.cause.as_deref()
    }

    /// Whether the same request may succeed a moment later.
    pub(crate) fn is_temporary(&self) -> bool {
        self.0.kind.is_temporary()
    }

    /// Whether the request may succeed when its body is mended, or a moment later.
    pub(crate) fn may_be_sent_again(&self) -> bool {
        self.0.kind.may_be_sent_again()
    }

    /// Whether the client may send a token and try again.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        self.0.kind.code == kind::UNAUTHENTICATED.code
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_map(None)?;
        json.serialize_entry("type", &format_args!("urn:rollcall:problem:{}", self.kind.code))?;
        json.serialize_entry("title", self.kind.title)?;
        json.serialize_entry("status", &self.kind.status.code)?;
        json.serialize_entry("detail", &self.detail)?;
        json.serialize_entry("code", self.kind.code)?;
        if !self.errors.is_empty() {
            json.serialize_entry("errors", &self.errors)?;
        }
        if let Some(entry_id) = &self.entry_id {
            json.serialize_entry("entry_id", entry_id)?;
        }
        json.end()
    }
}

impl<'r> Responder<'r, 'static> for Problem {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        // Strings and numbers always serialize.
        let json = serde_json::to_vec(&self).map_err(|_| Status::InternalServerError)?;
        let mut response = Response::build();
        response
            .status(self.kind.status)
            .header(ContentType::new("application", "problem+json"))
            .sized_body(json.len(), Cursor::new(json));
        if self.kind.is_temporary() {
            response.header(Header::new("Retry-After", RETRY_AFTER));
        }
        if let Some(allow) = &self.allow {
            response.header(Header::new("Allow", allow.clone()));
        }
        if self.kind.code == kind::UNAUTHENTICATED.code {
            response.header(Header::new("WWW-Authenticate", r#"Bearer realm="rollcall""#));
            // wget and Java's clients send a password only when they are asked for it. A browser
            // would show a prompt. Browsers send the first header, except over plain HTTP, and our
            // script the second.
            let is_browser = |name| request.headers().contains(name);
            if !["Sec-Fetch-Mode", "X-Requested-With"].into_iter().any(is_browser) {
                let basic = r#"Basic realm="rollcall", charset="UTF-8""#;
                response.header_adjoin(Header::new("WWW-Authenticate", basic));
            }
        }
        // The first problem of a request is the one that it is answered with.
        let _ = request.local_cache(OnceLock::new).set(Reported(self));
        response.ok()
    }
}
