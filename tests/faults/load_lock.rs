use std::sync::{Mutex, MutexGuard, PoisonError};

static LOCK: Mutex<()> = Mutex::new(());

/// Waits for the lock of the tests that load the machine, and holds it until the result is dropped.
///
/// Tests run in parallel. A test that generates load for seconds and also asserts response times
/// takes this lock: two of them at once would measure each other.
pub fn acquire() -> MutexGuard<'static, ()> {
    // A test that panicked has poisoned the lock. It protects no data, so that does not matter.
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}
