//! The contract as a client sees it: requests and their answers, on both stores.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod architecture;
mod commands;
mod days;
mod entries;
mod generated_bodies;
mod health;
mod index;
mod metrics;
mod replays;
mod replica;
mod request_ids;
mod routes;
mod sheets;
mod store_away;
mod tokens;
