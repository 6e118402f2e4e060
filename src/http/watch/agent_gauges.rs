use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::store::Backlog;

/// What is asked of a gate agent when the metrics are read.
pub(crate) struct AgentGauged {
    pub forwarded: u64,
    /// `None` if the store cannot be read.
    pub backlog: Option<Backlog>,
}

/// The metrics of it.
#[derive(Clone, Default)]
pub(super) struct AgentGauges {
    pending: Gauge,
    rejected: Gauge,
    forwarded: Counter,
}

impl AgentGauges {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "agent_pending",
            "Entries that wait to be forwarded to the upstream",
            self.pending.clone(),
        );
        registry.register(
            "agent_rejected",
            "Entries that the upstream has rejected, until the next start",
            self.rejected.clone(),
        );
        registry.register(
            "agent_forwarded",
            "Entries that the upstream has stored",
            self.forwarded.clone(),
        );
    }

    pub(super) fn set(&self, gauged: &AgentGauged) {
        let count = |number: u64| number.try_into().unwrap_or(i64::MAX);
        if let Some(Backlog { pending, rejected, .. }) = gauged.backlog {
            self.pending.set(count(pending));
            self.rejected.set(count(rejected.count()));
        }
        self.forwarded.inner().store(gauged.forwarded, Ordering::Relaxed);
    }
}
