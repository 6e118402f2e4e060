use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::agent_gauges::{AgentGauged, AgentGauges};
use crate::store::{FeedState, ReadLoad};

/// What is asked for when the metrics are read, and not counted.
pub(crate) struct Gauged {
    pub queue_depth: usize,
    pub queue_limit: usize,
    pub primary: ReadLoad,
    pub replica: Option<ReadLoad>,
    /// Of a gate agent.
    pub agent: Option<AgentGauged>,
    pub feed: FeedState,
    pub now: DateTime<Utc>,
}

/// The metrics of it.
#[derive(Clone, Default)]
pub(super) struct Gauges {
    queue_depth: Gauge,
    queue_limit: Gauge,
    reads_running: Family<ServerLabel, Gauge>,
    reads_waiting: Family<ServerLabel, Gauge>,
    waiting_readers: Gauge,
    changes_behind: Gauge,
    changes_held_up_since: Gauge,
    agent: AgentGauges,
}

/// The database server that is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerLabel {
    server: &'static str,
}

impl Gauges {
    /// Metrics of a gate agent are there only where one runs.
    pub(super) fn register(&self, registry: &mut Registry, is_agent: bool) {
        if is_agent {
            self.agent.register(registry);
        }
        registry.register(
            "queue_depth",
            "Entries that wait for the store",
            self.queue_depth.clone(),
        );
        registry.register("queue_limit", "Entries that may wait", self.queue_limit.clone());
        registry.register(
            "reads_running",
            "Reads of the store that run",
            self.reads_running.clone(),
        );
        registry.register(
            "reads_waiting",
            "Reads of the store that wait because too many run",
            self.reads_waiting.clone(),
        );
        registry.register(
            "changes_waiting_readers",
            "Readers that wait for changes",
            self.waiting_readers.clone(),
        );
        registry.register(
            "changes_behind",
            "Numbers of changes that are visible and not told yet, because open transactions hold them up",
            self.changes_behind.clone(),
        );
        registry.register(
            "changes_held_up_since_timestamp_seconds",
            "Since when open transactions hold up changes, in seconds since 1970; 0 if none does",
            self.changes_held_up_since.clone(),
        );
    }

    pub(super) fn set(&self, gauged: &Gauged) {
        let count = |number: usize| number.try_into().unwrap_or(i64::MAX);
        let Gauged { queue_depth, queue_limit, primary, replica, agent, feed, now } = gauged;
        if let Some(agent) = agent {
            self.agent.set(agent);
        }
        self.queue_depth.set(count(*queue_depth));
        self.queue_limit.set(count(*queue_limit));
        for (server, load) in [("primary", Some(primary)), ("replica", replica.as_ref())] {
            let Some(ReadLoad { running, waiting }) = load else { continue };
            self.reads_running.get_or_create(&ServerLabel { server }).set(count(*running));
            self.reads_waiting.get_or_create(&ServerLabel { server }).set(count(*waiting));
        }
        self.waiting_readers.set(count(feed.waiting));
        self.changes_behind.set(feed.behind);
        let since = feed.held_up_for.map(|held_up_for| (*now - held_up_for).timestamp());
        self.changes_held_up_since.set(since.unwrap_or(0));
    }
}
