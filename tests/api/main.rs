//! The contract as a client sees it: requests and their answers, on both stores.

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

mod access;
mod amended_entries;
mod amendments;
mod architecture;
mod batches;
mod changes;
mod citus_migrations;
mod commands;
mod cross_site;
mod days;
mod directions;
mod documented_headers;
mod entries;
mod erasing;
mod exports;
mod forms;
mod gates;
mod generated_bodies;
mod health;
mod import;
mod import_lock;
mod index;
mod metrics;
mod metrics_port;
mod openapi;
mod pages;
mod reading;
mod refused_forms;
mod replays;
mod replica;
mod request_ids;
mod routes;
mod sessions;
mod sheets;
mod spreadsheets;
mod store_away;
mod tokens;
mod unread_bodies;
