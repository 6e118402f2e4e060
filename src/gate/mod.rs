//! The gate agent: forwards what a gate's own computer has recorded to the upstream, however often the
//! network or either side fails.
//!
//! The outbox is the table of entries itself, with a mark of how far it was forwarded. The agent has a
//! thread of its own, which recording never waits for.

mod agent;
mod backoff;
mod client;
mod delivery;
mod ledger;
mod parcel;
mod trace;
mod trouble;
mod upstream;

pub use agent::{Agent, AgentSetup};
pub use upstream::{Authorities, InvalidUpstreamUrl, TokenSource, Upstream, UpstreamUrl};
