//! What the service promises when something fails. These tests run the real binary in processes of
//! its own, and break the processes, their databases and their network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test fails by a panic, and its modules are not an interface"
)]

#[path = "../support/mod.rs"]
mod support;

mod certificates;
mod connect_proxy;
mod connection;
mod contents;
mod cuttable_network;
mod gate_agent;
mod large_sheet;
mod load_balancer;
mod load_generator;
mod load_lock;
mod pending_creates;
mod probes;
mod prometheus_server;
mod relay;
mod request_log;
mod stand_in;
mod store_lock;

mod agent;
mod agent_answers;
mod agent_files;
mod agent_networks;
mod alerts;
mod amendments;
mod batches;
mod broken_export;
mod changes;
mod copy;
mod crashes;
mod cut_networks;
mod erasing;
mod example_gates;
mod full_disk;
mod full_queue;
mod gate_storm;
mod metrics_port;
mod migrations;
mod outages;
mod prometheus;
mod races;
mod refused_writes;
mod rejected_row;
mod replica;
mod roles;
mod rolling_update;
mod secrets;
mod sessions;
mod shutdown;
mod slow_clients;
mod synchronous_commit;
mod tls;
mod tokens;
mod traces;
