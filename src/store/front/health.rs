//! Work that is done again and again, and must go on after a failure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error_chain::ErrorChain;
use crate::store::StoreError;

/// A panic must not end the thread.
pub(super) fn guarded(work: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(StoreError::defect("a panic")))
}

/// Whether something failed at the last attempt. Only changes are logged.
#[derive(Default)]
pub(super) struct Health {
    failing: bool,
}

impl Health {
    pub(super) fn log_change(&mut self, error: Option<&StoreError>, what_fails: &str) {
        match error {
            Some(error) if !self.failing => {
                let error = ErrorChain(error);
                tracing::warn!(%error, "{what_fails}");
            }
            None if self.failing => tracing::info!("no longer: {what_fails}"),
            _ => {}
        }
        self.failing = error.is_some();
    }
}
