use std::time::{Duration, Instant};

use clap::Args;

use super::failure::Failure;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a command waits.
#[derive(Args, Clone, Copy)]
pub(super) struct Wait {
    /// How long to wait, in whole seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
}

impl Wait {
    /// How long a single attempt may take, if it may take `timeout` at most.
    pub(super) fn limit(self, timeout: Duration) -> Duration {
        timeout.min(Duration::from_secs(self.timeout.max(1)))
    }

    pub(super) fn deadline(self) -> Instant {
        // A wait of more than a century is no different from one of a century.
        Instant::now() + Duration::from_secs(self.timeout.min(3_000_000_000))
    }
}

/// The outcome of an attempt that did not succeed.
pub(super) enum Unsuccessful {
    /// Another attempt may succeed.
    NotYet(String),
    Failed(Failure),
}

/// Tries every half second, until it succeeds, fails for good, or `deadline` has passed. `say` is
/// called with each new reason to wait.
pub(super) fn wait_until<T>(
    deadline: Instant,
    say: impl Fn(&str),
    mut attempt: impl FnMut() -> Result<T, Unsuccessful>,
) -> Result<T, Failure> {
    let mut said = String::new();
    loop {
        let reason = match attempt() {
            Ok(value) => return Ok(value),
            Err(Unsuccessful::Failed(failure)) => return Err(failure),
            Err(Unsuccessful::NotYet(reason)) => reason,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::new(format!("gave up waiting: {reason}")));
        }
        if said != reason {
            say(&format!("waiting up to {} s more: {reason}", left.as_secs() + 1));
            said = reason;
        }
        std::thread::sleep(PAUSE.min(left));
    }
}
