//! Where entries are kept: one trait, two adapters, and the queue and the gate in front of them.
//!
//! The adapters block; [`Queue`] and [`Reader`] are their asynchronous fronts.

mod migrations;
mod postgres;
mod reader;
mod sheets;
mod sqlite;
mod trail;
mod writer;

use std::ops::Range;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::domain::{Entry, NewEntry};

pub use migrations::{Migration, MigrationState, Schema, SchemaState};
pub use postgres::{Password, PostgresStore, PostgresTarget};
pub use reader::{Progress, Reader};
pub use sheets::{Sheets, Source};
pub use sqlite::SqliteStore;
pub use writer::{Queue, Writer};

/// A store of entries. All calls block, and each may be made from many threads at once.
pub trait Store: Send + Sync + 'static {
    /// `postgres` or `embedded`, for people and programs.
    fn kind(&self) -> &'static str;

    /// Opens a connection to record through.
    fn recorder(&self) -> Result<Box<dyn Recorder>, StoreError>;

    /// Hands every entry whose `login` lies in `instants` to `each`, oldest id first, as one
    /// consistent picture, in memory that does not grow with their number. Stops at the first error.
    fn each_entry(
        &self,
        instants: Range<DateTime<Utc>>,
        each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// How many entries have a `login` in `instants`.
    fn count(&self, instants: Range<DateTime<Utc>>) -> Result<u64, StoreError>;

    /// How far this store's log goes, by which a replica can be compared with its primary.
    fn position(&self) -> Result<Position, StoreError> {
        Err(StoreError::Refused("this kind of store has no replicas".into()))
    }

    /// The migrations that this binary knows for this kind of store. Asks no store.
    fn known_migrations(&self) -> Result<Vec<Migration>, StoreError>;

    /// The versions that the store holds. Changes nothing.
    fn applied_versions(&self) -> Result<Vec<String>, StoreError>;

    /// How the two stand to each other.
    fn schema(&self) -> Result<Schema, StoreError> {
        Ok(Schema::new(self.known_migrations()?, self.applied_versions()?))
    }

    /// Applies every migration that is missing, in order, and names each to `applied` once it is
    /// in. Any number of processes may do this at once. Waits for other processes until `deadline`.
    fn migrate(&self, deadline: Instant, applied: &mut dyn FnMut(&str)) -> Result<(), StoreError>;
}

/// One connection that records entries; used by one thread.
pub trait Recorder {
    /// Records what is new of `batch` in one transaction and answers, in the same order, what the
    /// store then holds under each `entry_id`. The ids in `batch` are distinct; where others may be
    /// recording the same ones, they are ascending, so that nobody waits in a circle.
    ///
    /// `Ok` means committed and flushed to disk. After any other error than
    /// [`StoreError::Refused`] the recorder is not used again.
    fn record(&mut self, batch: &[&NewEntry]) -> Result<Vec<Held>, StoreError>;
}

/// How far a log goes, in bytes; whoever is at the same or a higher position has the same entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub bytes: i64,
    /// Whether this is a replica, which records nothing of its own.
    pub follows: bool,
}

/// What the store holds under one `entry_id` after a batch.
#[derive(Debug)]
pub struct Held {
    pub entry: Entry,
    /// Whether this batch put it there.
    pub created: bool,
}

/// What a store, its queue or its gate cannot do. The texts are for the log, never for a client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More entries wait than the queue holds. Nothing was recorded.
    #[error("the queue is full")]
    Busy,
    /// No answer in time. What was asked for may still happen.
    #[error("the store did not answer within {0:?}")]
    TimedOut(Duration),
    /// No connection, or it broke. A commit that was under way may have happened.
    #[error("the store cannot be reached: {0}")]
    Unreachable(String),
    /// The store lacks migrations that this binary needs.
    #[error("the store has not been migrated: {0}")]
    NotMigrated(String),
    /// A replica that is further behind its primary than a sheet may be.
    #[error("the replica is more than {} s behind, or not known not to be", .0.as_secs())]
    Stale(Duration),
    /// The store is there and refuses; in a batch, one row may be the cause.
    #[error("the store refused: {0}")]
    Refused(String),
    /// A defect of ours: a panic, or what the store holds makes no sense.
    #[error("{0}")]
    Defect(String),
}
