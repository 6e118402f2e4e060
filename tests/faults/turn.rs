use std::sync::{Mutex, MutexGuard, PoisonError};

static TURN: Mutex<()> = Mutex::new(());

/// Waits for the only turn there is, and holds it until the result is dropped.
///
/// Tests run side by side. Those that load the machine for seconds on end, and promise how soon
/// something is answered meanwhile, take turns: two at once would measure each other.
pub fn take() -> MutexGuard<'static, ()> {
    // Poisoned by a test that failed, which is none of the next one's business.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
