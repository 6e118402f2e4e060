//! The embedded store: one SQLite file, for a single gate PC without a database server.

mod amendments;
mod changes;
mod classify;
mod contacts;
mod erasing;
mod gates;
mod import_lock;
mod migrate;
mod outbox;
mod record;
mod refusal;
mod row;
mod session;
mod sessions;
mod sheet;
mod store;
mod tables;
mod tokens;
mod types;

pub use store::SqliteStore;
