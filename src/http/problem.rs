//! Every answer that is not a success, and the only place where such a status is chosen.

use std::borrow::Cow;

use rocket::Request;
use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use serde::ser::{Serialize, SerializeMap, Serializer};
use uuid::Uuid;

use super::metrics::Metrics;
use super::requests::Arrival;
use crate::domain::{FieldError, InvalidDay, Rejection};
use crate::store::StoreError;

/// How soon a client may try again, in seconds.
const RETRY_AFTER: &str = "1";

/// One row of the table of problems: the status and the stable code that go together.
#[derive(Debug)]
struct Kind {
    status: Status,
    code: &'static str,
    title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(static $name: Kind = Kind { status: Status::$status, code: $code, title: $title };)*

        /// Every code there is.
        pub const CODES: &[&str] = &[$($code),*];
    };
}

kinds! {
    BAD_REQUEST = BadRequest, "bad_request", "Malformed request";
    INVALID_JSON = BadRequest, "invalid_json", "Not a JSON object";
    INVALID_ENTRY = BadRequest, "invalid_entry", "Invalid entry";
    INVALID_DATE = BadRequest, "invalid_date", "Invalid date";
    NOT_FOUND = NotFound, "not_found", "Not found";
    METHOD_NOT_ALLOWED = MethodNotAllowed, "method_not_allowed", "Method not allowed";
    BODY_TOO_LARGE = PayloadTooLarge, "body_too_large", "Body too large";
    ENTRY_ID_REUSED = UnprocessableEntity, "entry_id_reused", "entry_id names another entry";
    BUSY = ServiceUnavailable, "busy", "Too many entries are waiting";
    STORE_UNAVAILABLE = ServiceUnavailable, "store_unavailable", "Store unavailable";
    NOT_READY = ServiceUnavailable, "not_ready", "Not ready";
    INTERNAL = InternalServerError, "internal", "Internal error";
}

/// A problem as RFC 9457 describes it, with a stable code for programs.
#[derive(Debug)]
pub struct Problem {
    kind: &'static Kind,
    detail: Cow<'static, str>,
    /// Every bad field at once.
    errors: Vec<FieldError>,
    /// With this id the same entry can be sent again without being recorded twice.
    entry_id: Option<Uuid>,
    /// The methods that the path takes.
    allow: Option<String>,
    /// What really happened: for the log, never for the client.
    cause: Option<Box<StoreError>>,
}

impl Problem {
    fn new(kind: &'static Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self { kind, detail, errors: Vec::new(), entry_id: None, allow: None, cause: None }
    }

    /// What is malformed in a way that has no code of its own.
    pub fn bad_request(detail: &'static str) -> Self {
        Self::new(&BAD_REQUEST, detail)
    }

    pub fn bad_encoding() -> Self {
        Self::bad_request("In a path, '%' must be followed by two hexadecimal digits.")
    }

    pub fn not_found() -> Self {
        Self::new(&NOT_FOUND, "There is nothing at this path. GET /table lists what there is.")
    }

    pub fn method_not_allowed(allow: String) -> Self {
        let detail = format!("This path takes {allow}.");
        Self { allow: Some(allow), ..Self::new(&METHOD_NOT_ALLOWED, detail) }
    }

    pub fn body_too_large(limit: u64) -> Self {
        Self::new(&BODY_TOO_LARGE, format!("The body of an entry has at most {limit} bytes."))
    }

    pub fn entry_id_reused() -> Self {
        Self::new(
            &ENTRY_ID_REUSED,
            "An entry with this entry_id and other content is stored already. \
             Use a new entry_id for a new entry.",
        )
    }

    /// `reason` is for an operator and holds no secret.
    pub fn not_ready(reason: &'static str, cause: Option<StoreError>) -> Self {
        Self { cause: cause.map(Box::new), ..Self::new(&NOT_READY, reason) }
    }

    /// Why an entry has no answer. Where it may have been recorded nevertheless, the answer says
    /// how to find out.
    pub fn not_recorded(error: StoreError, entry_id: Uuid) -> Self {
        match error {
            StoreError::TimedOut(_) | StoreError::Unreachable(_) => Self {
                entry_id: Some(entry_id),
                cause: Some(Box::new(error)),
                ..Self::new(
                    &STORE_UNAVAILABLE,
                    "The store did not answer in time, so it is not known whether the entry was \
                     recorded. Send it again with the same entry_id: that is safe.",
                )
            },
            error => error.into(),
        }
    }

    pub fn internal() -> Self {
        Self::new(
            &INTERNAL,
            "This is a defect of the service. Its log says more under this request's id.",
        )
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Json(why) => Self::new(
                &INVALID_JSON,
                format!("Send one JSON object in UTF-8. This is none: {why}."),
            ),
            Rejection::Fields(errors) => Self {
                errors,
                ..Self::new(
                    &INVALID_ENTRY,
                    "Some members break their rules; 'errors' names each of them.",
                )
            },
        }
    }
}

impl From<InvalidDay> for Problem {
    fn from(invalid: InvalidDay) -> Self {
        Self::new(&INVALID_DATE, invalid.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (kind, detail) = match error {
            StoreError::Busy => (&BUSY, "Nothing was recorded. Send the entry again in a moment."),
            StoreError::TimedOut(_) | StoreError::Unreachable(_) | StoreError::Stale(_) => {
                (&STORE_UNAVAILABLE, "The store did not answer in time. Try again in a moment.")
            }
            StoreError::NotMigrated(_) => (
                &STORE_UNAVAILABLE,
                "The store has not been migrated for this release yet. Try again in a moment.",
            ),
            StoreError::Refused(_) | StoreError::Defect(_) => {
                return Self { cause: Some(Box::new(error)), ..Self::internal() };
            }
        };
        Self { cause: Some(Box::new(error)), ..Self::new(kind, detail) }
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
        let arrival = Arrival::of(request);
        if let Some(metrics) = request.rocket().state::<Metrics>() {
            metrics.problem(self.kind.code);
        }
        if let Some(cause) = &self.cause {
            tracing::warn!(request_id = arrival.id, code = self.kind.code, %cause, "not served");
        }
        // Texts and numbers always become JSON.
        let json = serde_json::to_vec(&self).map_err(|_| Status::InternalServerError)?;
        let mut response = Response::build();
        response
            .status(self.kind.status)
            .header(ContentType::new("application", "problem+json"))
            .header(arrival.header())
            .sized_body(json.len(), std::io::Cursor::new(json));
        if [BUSY.code, STORE_UNAVAILABLE.code].contains(&self.kind.code) {
            response.header(Header::new("Retry-After", RETRY_AFTER));
        }
        if let Some(allow) = self.allow {
            response.header(Header::new("Allow", allow));
        }
        let response = response.finalize();
        if !arrival.regular {
            // No fairing will see it.
            arrival.note(request, &response);
        }
        Ok(response)
    }
}
