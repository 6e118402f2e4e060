use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::forwarding::Forwarding;

/// The highest number of a change that this process has recorded. Clones share it.
#[derive(Clone, Default)]
pub struct LastRecorded {
    number: Arc<AtomicI64>,
    forwarding: Option<Arc<Forwarding>>,
}

impl LastRecorded {
    /// One that also tells a gate agent of every change.
    pub fn ringing(forwarding: Option<Arc<Forwarding>>) -> Self {
        Self { number: Arc::default(), forwarding }
    }

    /// A change with this number is committed. Called before its request is answered.
    pub(super) fn note(&self, number: i64) {
        self.number.fetch_max(number, Ordering::Relaxed);
        if let Some(forwarding) = &self.forwarding {
            forwarding.ring();
        }
    }

    pub(super) fn number(&self) -> i64 {
        self.number.load(Ordering::Relaxed)
    }
}
