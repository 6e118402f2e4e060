use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the service has been asked to stop. Clones share the state.
#[derive(Clone, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
