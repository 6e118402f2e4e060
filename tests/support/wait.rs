use std::time::{Duration, Instant};

/// Far longer than any condition here takes to become true, on a busy machine too.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Checks `condition` every few milliseconds until it holds. Panics after a timeout of 30 seconds.
#[track_caller]
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_until_within(TIMEOUT, what, condition);
}

/// The same with a timeout that is part of what is tested.
#[track_caller]
pub fn wait_until_within(timeout: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + timeout;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {timeout:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
