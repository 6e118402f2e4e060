use std::time::Duration;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_millis(250);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest pause that an upstream's `Retry-After` makes, so that it sees a sign of life at least every 30
/// seconds.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(20);

/// The pauses between attempts that fail.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(super) fn succeed(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure: doubled each time, and then any of its upper half, so that many
    /// gates do not come back at the same moment. At least what the upstream asked for.
    pub(super) fn fail(&mut self, asked_for: Option<Duration>) -> Duration {
        let most = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let pause = most.mul_f64(0.5 + random_fraction() / 2.0);
        match asked_for {
            // The jitter comes on top, also if the upstream asks many gates for the same.
            Some(asked_for) => asked_for.min(LONGEST_ASKED_FOR) + pause.min(Duration::from_secs(1)),
            None => pause,
        }
    }
}

/// From 0 to 1. Without random bytes it is 1.
fn random_fraction() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_30_seconds_and_start_over_after_a_success() {
        let mut backoff = Backoff::default();
        for most in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let pause = backoff.fail(None).as_millis();
            assert!((most / 2..=most).contains(&pause), "{pause} of {most}");
        }
        backoff.failures = u32::MAX;
        assert!(backoff.fail(None) <= LONGEST);
        backoff.succeed();
        assert!(backoff.fail(None) <= FIRST);
    }

    #[test]
    fn what_the_upstream_asks_for_is_waited_within_reason() {
        let asked_for = |seconds| {
            let pause = Backoff::default().fail(Some(Duration::from_secs(seconds)));
            assert!(pause.subsec_nanos() > 0, "without jitter");
            pause.as_secs()
        };
        assert_eq!((asked_for(0), asked_for(7), asked_for(100_000)), (0, 7, 20));
    }
}
