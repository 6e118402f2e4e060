//! PostgreSQL: the adapter for anything larger than one gate.

mod amendments;
mod changes;
mod citus;
mod classify;
mod contacts;
mod erasing;
mod gates;
mod grants;
mod import_lock;
mod migrate;
mod position;
mod record;
mod row;
mod session;
mod sessions;
mod sheet;
mod store;
mod tables;
mod target;
mod tokens;

pub use store::PostgresStore;
pub use target::{Password, PostgresTarget};
