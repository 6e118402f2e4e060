use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::entry_counts::EntryCounts;
use super::gauges::{Gauged, Gauges};
use super::histogram::WritingHistogram;
use crate::domain::Recorded;
use crate::http::wire::CODES;
use crate::store::{Distribution, Writing};

/// The upper bounds of the histograms' buckets, in seconds.
const SECONDS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The same for lengths in bytes.
const BYTES: [f64; 9] = [1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 64e6];

/// The same for numbers of entries. An empty batch is a sign of life.
const ENTRIES: [f64; 10] = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// The metrics of one service. Clones count together.
#[derive(Clone)]
pub(crate) struct Metrics {
    /// Every metric, once [`Self::new`] has returned.
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabel, Histogram, fn() -> Histogram>,
    problems: Family<ProblemLabel, Counter>,
    entries: EntryCounts,
    batches: Histogram,
    sheets: Histogram,
    replica_fallbacks: Counter,
    refused: Counter,
    without_credential: Counter,
    gauges: Gauges,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemLabel {
    code: &'static str,
}

impl Metrics {
    /// `writing` is what is measured of the queue and of its writer.
    pub(crate) fn new(writing: &Arc<Writing>, is_agent: bool) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            problems: Family::default(),
            entries: EntryCounts::new(),
            batches: Histogram::new(ENTRIES),
            sheets: Histogram::new(BYTES),
            replica_fallbacks: Counter::default(),
            refused: Counter::default(),
            without_credential: Counter::default(),
            gauges: Gauges::default(),
        };
        // Present from the start, so that the first one is an increase.
        for code in CODES {
            drop(metrics.problems.get_or_create(&ProblemLabel { code }));
        }
        metrics.registry = Arc::new(metrics.registered(writing, is_agent));
        metrics
    }

    fn registered(&self, writing: &Arc<Writing>, is_agent: bool) -> Registry {
        let mut registry = Registry::with_prefix("rollcall");
        let r = &mut registry;
        r.register("build", "The release", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        r.register("http_requests", "Requests answered", self.requests.clone());
        r.register(
            "http_request_duration_seconds",
            "From the arrival of a request to the start of its answer",
            self.durations.clone(),
        );
        r.register(
            "problems",
            "Answers that were problems, and those of entries in batches, by their code",
            self.problems.clone(),
        );
        r.register(
            "entries",
            "Entries answered as stored, by gate if they name one",
            self.entries.family(),
        );
        r.register("batch_entries", "Entries in a batch that a gate sent", self.batches.clone());
        r.register("sheet_bytes", "Lengths of sheets, in any form", self.sheets.clone());
        r.register(
            "replica_fallbacks",
            "Sheets read from the primary because the replica could not serve them",
            self.replica_fallbacks.clone(),
        );
        r.register(
            "requests_refused",
            "Requests that were not authenticated, or whose token may not do what they asked for",
            self.refused.clone(),
        );
        r.register(
            "requests_without_credential",
            "Requests without a token, except those that never need one",
            self.without_credential.clone(),
        );
        let measured = |per_unit, distribution: fn(&Writing) -> &Distribution| WritingHistogram {
            writing: writing.clone(),
            distribution,
            per_unit,
        };
        r.register(
            "queue_seconds",
            "From the arrival of a request to record to its start in the writer",
            measured(1e6, |writing| &writing.in_queue),
        );
        r.register(
            "commit_seconds",
            "How long the store takes for a commit, failed ones included",
            measured(1e6, |writing| &writing.commit),
        );
        r.register(
            "commit_entries",
            "Entries that are committed together",
            measured(1.0, |writing| &writing.entries),
        );
        self.gauges.register(r, is_agent);
        registry
    }

    /// All metrics in the text format of OpenMetrics 1.0.
    pub(crate) fn encode(&self, now: &Gauged) -> Result<String, fmt::Error> {
        self.gauges.set(now);
        let mut body = String::new();
        text::encode(&mut body, &self.registry)?;
        Ok(body)
    }

    /// A request was answered. `route` is the route's pattern, never the path.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method, route: route.into(), status };
        self.requests.get_or_create(&labels).inc();
        let route = RouteLabel { route: labels.route };
        self.durations.get_or_create(&route).observe(took.as_secs_f64());
    }

    /// An answer, or the result of an entry in a batch, was a problem.
    pub(crate) fn problem(&self, code: &'static str) {
        self.problems.get_or_create(&ProblemLabel { code }).inc();
    }

    /// An entry was answered as stored.
    pub(crate) fn recorded(&self, recorded: &Recorded) {
        self.entries.count(recorded);
    }

    /// A gate sent so many entries together.
    pub(crate) fn batch(&self, entries: usize) {
        self.batches.observe(entries as f64);
    }

    /// A sheet of this length in bytes is sent.
    pub(crate) fn sheet(&self, length: u64) {
        self.sheets.observe(length as f64);
    }

    /// A sheet was read from the primary because the replica could not serve it.
    pub(crate) fn fell_back(&self) {
        self.replica_fallbacks.inc();
    }

    /// A request was not authenticated, or its token may not do what it asked for.
    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    /// A request came without a token to a route that may need one.
    pub(crate) fn without_credential(&self) {
        self.without_credential.inc();
    }
}
