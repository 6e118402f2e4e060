use std::error::Error;
use std::fmt;

use crate::error_chain::ErrorChain;
use crate::http::ServeError;
use crate::store::StoreError;

/// The reason why a command failed, as one line for a person, and its exit status.
pub(super) struct Failure {
    reason: String,
    status: u8,
}

impl Failure {
    /// A reason in words.
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), status: 1 }
    }

    /// The input of the command can never be used as it is.
    pub(super) fn unusable(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), status: 2 }
    }

    /// The exit status: 2 for what the caller has to change, 1 for any other failure.
    pub(super) fn status(&self) -> u8 {
        self.status
    }

    /// What was tried, and the error.
    pub(super) fn of(what: &str, error: &dyn Error) -> Self {
        Self::new(format!("{what}: {}", ErrorChain(error)))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotMigrated(_) => Self::new(format!("{error}; run rollcall migrate first")),
            error => Self::new(ErrorChain(&error).to_string()),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self::new(ErrorChain(&error).to_string())
    }
}

/// On one line: libpq's reasons have several, and a peer's answer may contain anything.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.reason.split(|c: char| c.is_whitespace() || c.is_control());
        let mut separator = "";
        for word in words.filter(|word| !word.is_empty()) {
            write!(f, "{separator}{word}")?;
            separator = " ";
        }
        Ok(())
    }
}
