use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The highest number of a change that this process has recorded. Clones share it.
#[derive(Clone, Default)]
pub struct LastRecorded(Arc<AtomicI64>);

impl LastRecorded {
    /// A change with this number is committed. Called before its request is answered.
    pub(super) fn note(&self, number: i64) {
        self.0.fetch_max(number, Ordering::Relaxed);
    }

    pub(super) fn number(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}
