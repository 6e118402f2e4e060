//! What is known of each request, and what is counted and logged of it.

mod access_line;
mod metrics;
mod request;
mod request_id;
mod stopping;

pub use metrics::Metrics;
pub use request::{Arrival, Observer};
pub use stopping::Stopping;
