//! The problem that each error of the layers below becomes.

use super::kind;
use super::problem::Problem;
use crate::domain::{GateMismatch, InvalidDay, InvalidSubmission, NotAmendable};
use crate::store::{NoChanges, StoreError};

impl From<InvalidSubmission> for Problem {
    fn from(error: InvalidSubmission) -> Self {
        match error {
            InvalidSubmission::Json(error) => {
                Self::new(&kind::INVALID_JSON, format!("The body is not a JSON object: {error}."))
            }
            InvalidSubmission::Fields(errors) => Self::new(
                &kind::INVALID_ENTRY,
                "Some members are invalid; 'errors' lists each of them.",
            )
            .with_errors(errors),
        }
    }
}

impl From<NotAmendable> for Problem {
    fn from(error: NotAmendable) -> Self {
        match error {
            NotAmendable::EntryIdReused => Self::entry_id_reused(),
            NotAmendable::AlreadyAmended => Self::already_amended(),
            NotAmendable::Erased => Self::erased(),
            NotAmendable::NothingToCorrect => Self::nothing_to_correct(),
        }
    }
}

impl From<GateMismatch> for Problem {
    fn from(GateMismatch { bound_to }: GateMismatch) -> Self {
        let detail =
            format!("The token is bound to the gate {:?}: name that one, or none.", &*bound_to);
        Self::new(&kind::GATE_MISMATCH, detail)
    }
}

impl From<NoChanges> for Problem {
    fn from(error: NoChanges) -> Self {
        match error {
            NoChanges::Busy => {
                Self::new(&kind::BUSY, "Too many readers wait for changes. Try again in a moment.")
            }
            NoChanges::Lost => Self::new(
                &kind::CHANGES_LOST,
                "The store never had a change with the number 'after', for example because it was \
                 restored from a backup. Start over with after=0.",
            ),
            NoChanges::Store(error) => error.into(),
        }
    }
}

impl From<InvalidDay> for Problem {
    fn from(error: InvalidDay) -> Self {
        Self::new(&kind::INVALID_DATE, error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (kind, detail) = match error {
            StoreError::Busy => {
                (&kind::BUSY, "Nothing was recorded. Send the same again in a moment.")
            }
            StoreError::TimedOut(_)
            | StoreError::Unreachable(_)
            | StoreError::Stale(_)
            | StoreError::Deferred => (
                &kind::STORE_UNAVAILABLE,
                "The store did not answer in time. Try again in a moment.",
            ),
            StoreError::Refused(_) => (
                &kind::STORE_UNAVAILABLE,
                "The store refuses this for a reason of its own, such as a full disk, which the log \
                 of the service has. Try again later.",
            ),
            StoreError::Unspooled(_) => (
                &kind::STORE_UNAVAILABLE,
                "The service has no room on its own disk to prepare the answer. Try again later.",
            ),
            StoreError::NotMigrated(_) => (
                &kind::STORE_UNAVAILABLE,
                "The store has not been migrated for this release yet. Try again in a moment.",
            ),
            StoreError::NotPermitted(_) => (
                &kind::STORE_UNAVAILABLE,
                "The store is not set up for the service yet. Try again in a moment.",
            ),
            StoreError::RefusedRow(_) | StoreError::Defect(_) => {
                return Self::internal().caused_by(error);
            }
        };
        Self::new(kind, detail).caused_by(error)
    }
}
