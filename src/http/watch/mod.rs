//! What is known of each request, and what is counted and logged of it.

mod access_line;
mod agent_gauges;
mod broken_off;
mod entry_counts;
mod gauges;
mod histogram;
mod metrics;
mod not_recorded;
mod request;
mod request_id;
mod stopping;
mod trace_id;

pub(super) use agent_gauges::AgentGauged;
pub(super) use broken_off::log_broken_off;
pub(super) use gauges::Gauged;
pub(super) use metrics::Metrics;
pub(super) use not_recorded::{log_not_noted, log_not_recorded};
pub(super) use request::{Arrival, Observer};
pub(super) use stopping::Stopping;
pub(super) use trace_id::TraceId;
