//! Every answer that is not a success, by the table in `kind`.

use std::borrow::Cow;

use rocket::http::Status;
use uuid::Uuid;

use super::kind::{self, Kind};
use crate::domain::{FieldError, Permission, Role};
use crate::store::StoreError;

/// A problem as RFC 9457 defines it, with a stable code for programs.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(super) kind: &'static Kind,
    pub(super) detail: Cow<'static, str>,
    /// Every invalid field at once.
    pub(super) errors: Vec<FieldError>,
    /// With this id the same entry can be sent again without being recorded twice.
    pub(super) entry_id: Option<Uuid>,
    /// The methods that the path has.
    pub(super) allow: Option<String>,
    /// The real reason: for the log, never for the client.
    pub(super) cause: Option<Box<StoreError>>,
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

    pub(crate) fn code(&self) -> &'static str {
        self.kind.code
    }

    /// What is wrong, and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The real reason, for the log only.
    pub(crate) fn cause(&self) -> Option<&StoreError> {
        self.cause.as_deref()
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
        let detail = format!("The body must have at most {limit} bytes.");
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

    pub(crate) fn erased() -> Self {
        Self::new(
            &kind::ALREADY_AMENDED,
            "The names of this entry were erased, so it cannot be amended any more.",
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

    pub(crate) fn cross_site() -> Self {
        Self::new(
            &kind::CROSS_SITE,
            "A browser must send this from a page of this service. Other clients send their token \
             as 'Authorization: Bearer TOKEN'.",
        )
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
            StoreError::Refused(_) => Self {
                entry_id: Some(entry_id),
                cause: Some(Box::new(error)),
                ..Self::new(
                    &kind::STORE_UNAVAILABLE,
                    "The store refuses all entries now, for example because its disk is full. Send \
                     it again later with the same entry_id: that is safe.",
                )
            },
            error => error.into(),
        }
    }

    /// The same for a batch. Nobody knows which of its entries are recorded.
    pub(crate) fn batch_not_recorded(error: StoreError) -> Self {
        match error {
            StoreError::TimedOut(_) | StoreError::Unreachable(_) => Self::new(
                &kind::STORE_UNAVAILABLE,
                "The store did not answer in time, so it is unknown which entries were recorded. \
                 Send the batch again with the same entry_ids: that is safe.",
            )
            .caused_by(error),
            StoreError::Refused(_) => Self::new(
                &kind::STORE_UNAVAILABLE,
                "The store refuses all entries now, for example because its disk is full. Send the \
                 batch again later with the same entry_ids: that is safe.",
            )
            .caused_by(error),
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
