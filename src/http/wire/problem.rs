//! Every answer that is not a success, by the table in `kind`.

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::OnceLock;

use rocket::Request;
use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use serde::ser::{Serialize, SerializeMap, Serializer};
use uuid::Uuid;

use super::kind::{self, Kind};
use crate::domain::{FieldError, Permission, Role};
use crate::store::StoreError;

/// When a client may try again, in seconds.
const RETRY_AFTER: &str = "1";

/// A problem as RFC 9457 defines it, with a stable code for programs.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: &'static Kind,
    detail: Cow<'static, str>,
    /// Every invalid field at once.
    errors: Vec<FieldError>,
    /// With this id the same entry can be sent again without being recorded twice.
    entry_id: Option<Uuid>,
    /// The methods that the path has.
    allow: Option<String>,
    /// The real reason: for the log, never for the client.
    cause: Option<Box<StoreError>>,
}

/// What a request's problem was, left in the request for whoever counts and logs it.
#[derive(Debug)]
pub(crate) struct Reported {
    pub code: &'static str,
    pub cause: Option<Box<StoreError>>,
}

impl Reported {
    /// The problem that `request` was answered with, if it was one.
    pub(crate) fn of<'r>(request: &'r Request<'_>) -> Option<&'r Self> {
        Self::slot(request).get()
    }

    fn slot<'r>(request: &'r Request<'_>) -> &'r OnceLock<Self> {
        request.local_cache(OnceLock::new)
    }
}

impl Problem {
    pub(super) fn new(kind: &'static Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self { kind, detail, errors: Vec::new(), entry_id: None, allow: None, cause: None }
    }

    pub(super) fn with_errors(self, errors: Vec<FieldError>) -> Self {
        Self { errors, ..self }
    }

    pub(super) fn caused_by(self, error: StoreError) -> Self {
        Self { cause: Some(Box::new(error)), ..self }
    }

    pub(crate) fn status(&self) -> Status {
        self.kind.status
    }

    /// A malformed request that has no code of its own.
    pub(crate) fn bad_request(detail: &'static str) -> Self {
        Self::new(&kind::BAD_REQUEST, detail)
    }

    pub(crate) fn bad_encoding() -> Self {
        Self::bad_request("In a path, '%' must be followed by two hexadecimal digits.")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(&kind::NOT_FOUND, "There is nothing at this path. GET /table lists the routes.")
    }

    /// `allow` lists the methods that the path has.
    pub(crate) fn method_not_allowed(allow: String) -> Self {
        let detail = format!("This path only allows {allow}.");
        Self { allow: Some(allow), ..Self::new(&kind::METHOD_NOT_ALLOWED, detail) }
    }

    /// `limit` is in bytes.
    pub(crate) fn body_too_large(limit: usize) -> Self {
        let detail = format!("The body of an entry must have at most {limit} bytes.");
        Self::new(&kind::BODY_TOO_LARGE, detail)
    }

    pub(crate) fn entry_id_reused() -> Self {
        Self::new(
            &kind::ENTRY_ID_REUSED,
            "An entry with this entry_id and other content is already stored. \
             Use a new entry_id for a new entry.",
        )
    }

    /// A body that should be a form.
    pub(crate) fn invalid_form() -> Self {
        Self::new(&kind::INVALID_JSON, "The body is not a form in UTF-8, percent-encoded.")
    }

    /// No entry has the `entry_id` in the path.
    pub(crate) fn no_entry() -> Self {
        Self::new(&kind::NOT_FOUND, "No entry with this entry_id is stored.")
    }

    pub(crate) fn already_amended() -> Self {
        Self::new(
            &kind::ALREADY_AMENDED,
            "Another amendment of this entry is already stored. \
             GET /table/entry/ and its entry_id shows it.",
        )
    }

    pub(crate) fn nothing_to_correct() -> Self {
        Self::new(
            &kind::NOTHING_TO_CORRECT,
            "The entry already holds what the correction says. Send at least one other value.",
        )
    }

    /// Does not say whether a token was sent, and what is wrong with it.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            &kind::UNAUTHENTICATED,
            "Send a valid token, as 'Authorization: Bearer TOKEN' or as the password of Basic.",
        )
    }

    pub(crate) fn forbidden(permission: Permission) -> Self {
        let roles: Vec<_> = permission.roles().map(Role::as_str).collect();
        let detail = format!("This needs a token with the role {}.", roles.join(" or "));
        Self::new(&kind::FORBIDDEN, detail)
    }

    pub(crate) fn name_taken() -> Self {
        Self::new(
            &kind::NAME_TAKEN,
            "There is or was a token with this name. Names are never used again: take another.",
        )
    }

    /// `errors` has every parameter with a bad value.
    pub(crate) fn invalid_query(errors: Vec<FieldError>) -> Self {
        let detail = "Some parameters of the query are invalid; 'errors' lists each of them.";
        Self::new(&kind::INVALID_QUERY, detail).with_errors(errors)
    }

    /// `limit` exports are running already.
    pub(crate) fn too_many_exports(limit: usize) -> Self {
        let detail = format!("{limit} exports are running already. Try again when one has ended.");
        Self::new(&kind::BUSY, detail)
    }

    /// `reason` is for an operator and holds no secret.
    pub(crate) fn not_ready(reason: &'static str, cause: Option<StoreError>) -> Self {
        Self { cause: cause.map(Box::new), ..Self::new(&kind::NOT_READY, reason) }
    }

    /// A failure to record an entry. Where it may have been recorded nevertheless, the answer tells
    /// the client how to find out.
    pub(crate) fn not_recorded(error: StoreError, entry_id: Uuid) -> Self {
        match error {
            StoreError::TimedOut(_) | StoreError::Unreachable(_) => Self {
                entry_id: Some(entry_id),
                cause: Some(Box::new(error)),
                ..Self::new(
                    &kind::STORE_UNAVAILABLE,
                    "The store did not answer in time, so it is unknown whether the entry was \
                     recorded. Send it again with the same entry_id: that is safe.",
                )
            },
            error => error.into(),
        }
    }

    /// A failure to void an entry. It may be voided nevertheless.
    pub(crate) fn not_voided(error: StoreError) -> Self {
        match error {
            StoreError::TimedOut(_) | StoreError::Unreachable(_) => Self {
                cause: Some(Box::new(error)),
                ..Self::new(
                    &kind::STORE_UNAVAILABLE,
                    "The store did not answer in time, so it is unknown whether the entry was \
                     voided. Send the same request again: that is safe.",
                )
            },
            error => error.into(),
        }
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            &kind::INTERNAL,
            "This is a defect of the service. Its log has the cause under this request's id.",
        )
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
        if let Some(allow) = self.allow {
            response.header(Header::new("Allow", allow));
        }
        if self.kind.code == kind::UNAUTHENTICATED.code {
            response.header(Header::new("WWW-Authenticate", r#"Bearer realm="rollcall""#));
            // wget and Java's clients send a password only when they are asked for it. A browser
            // would show a prompt, and every browser sends this header.
            if !request.headers().contains("Sec-Fetch-Mode") {
                let basic = r#"Basic realm="rollcall", charset="UTF-8""#;
                response.header_adjoin(Header::new("WWW-Authenticate", basic));
            }
        }
        // The first problem of a request is the one that it is answered with.
        let _ = Reported::slot(request).set(Reported { code: self.kind.code, cause: self.cause });
        response.ok()
    }
}
