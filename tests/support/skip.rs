use std::io::Write;

/// Reports that a test cannot run on this machine, and why. `tests/run` shows the message and counts
/// the test as skipped, although for the test harness it passes.
pub fn skip(test: &str, reason: &str) {
    // Not `eprintln`, which the harness captures.
    let line = format!("skipped test: {test}: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
