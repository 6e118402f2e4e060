use std::error::Error;
use std::fmt;

use crate::error_chain::ErrorChain;
use crate::http::ServeError;
use crate::store::StoreError;

/// The reason why a command failed, as one line for a person.
pub(super) struct Failure(String);

impl Failure {
    /// A reason in words.
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// What was tried, and the error.
    pub(super) fn of(what: &str, error: &dyn Error) -> Self {
        Self(format!("{what}: {}", ErrorChain(error)))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(ErrorChain(&error).to_string())
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self(ErrorChain(&error).to_string())
    }
}

/// On one line: libpq's reasons have several, and a peer's answer may contain anything.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.0.split(|c: char| c.is_whitespace() || c.is_control());
        let mut separator = "";
        for word in words.filter(|word| !word.is_empty()) {
            write!(f, "{separator}{word}")?;
            separator = " ";
        }
        Ok(())
    }
}
