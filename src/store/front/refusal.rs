use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::store::{Cause, StoreError};

/// Why the store refuses everything that is written, while it does.
#[derive(Default)]
pub(super) struct Refusal(Mutex<Option<Cause>>);

impl Refusal {
    /// Notes the outcome of an attempt to write.
    pub(super) fn note(&self, outcome: Result<(), &StoreError>) {
        *self.lock() = match outcome {
            Err(StoreError::Refused(cause)) => Some(cause.clone()),
            _ => None,
        };
    }

    /// The failure of a request that has waited for `timeout`.
    pub(super) fn after(&self, timeout: Duration) -> StoreError {
        match &*self.lock() {
            Some(cause) => StoreError::Refused(cause.clone()),
            None => StoreError::TimedOut(timeout),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Cause>> {
        // No panic can happen while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_waited_in_vain_is_told_what_the_last_attempt_found() {
        let refusal = Refusal::default();
        let told = || refusal.after(Duration::from_secs(5)).to_string();
        let in_time = "the store did not answer within 5s";
        assert_eq!(told(), in_time);
        refusal.note(Err(&StoreError::refused("No space left on device")));
        assert_eq!(told(), "the store refused");
        refusal.note(Err(&StoreError::unreachable("connection refused")));
        assert_eq!(told(), in_time);
        refusal.note(Err(&StoreError::refused("No space left on device")));
        refusal.note(Ok(()));
        assert_eq!(told(), in_time);
    }
}
