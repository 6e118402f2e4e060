//! What the service promises when something breaks: the binary as it ships, in processes of its
//! own, with whatever can happen to them and to their database.

#[path = "../support/mod.rs"]
mod support;

mod balancer;
mod connection;
mod gates;
mod ledger;
mod patience;
mod probes;
mod store_lock;
mod turn;
mod waiting;

mod copying;
mod full_queue;
mod kills;
mod migrations;
mod outages;
mod poison;
mod races;
mod replica;
mod rolling_update;
mod secrets;
mod sessions;
mod shutdown;
mod synchronous_commit;
mod tls;
