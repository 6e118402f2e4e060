use std::time::{Duration, Instant};

/// Asks every few milliseconds until `holds`; gives up loudly after a time that is far longer than
/// it can take, on a busy machine too.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    const LIMIT: Duration = Duration::from_secs(30);
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
