//! Where entries are kept: the traits of a store, two adapters, and the front that requests wait at.
//!
//! The adapters block. [`Queue`], [`Reader`], [`Sheets`] and [`ChangeFeed`] are the asynchronous front.

mod amendments;
mod backend;
mod changes;
mod entries;
mod erasing;
mod error;
mod forwarding;
mod front;
mod gates;
mod postgres;
mod rehearsal;
mod replication;
mod rows;
mod schema;
mod sessions;
mod sqlite;
mod tokens;

pub use amendments::{Amended, Amendments};
pub use backend::Store;
pub use changes::{Changes, Follower, Look, OpenWriter};
pub use entries::{Entries, Recorder, Stored};
pub use erasing::{Erasable, Eraser, Erasing};
pub use error::{Cause, StoreError};
pub use forwarding::{Backlog, Forwards, Mark, Outbox, Rejected, Settled};
pub use front::{
    AmendOutcome, ChangeFeed, ChangePage, ChangeRequest, Counted, Credentials, Distribution,
    FeedState, Forwarding, ForwardingState, KeptReads, LastRecorded, NoChanges, Progress, Queue,
    Reach, ReadLoad, ReadSheet, Reader, Receipt, Sheets, Source, Woken, Writer, Writing,
    replica_timeout,
};
pub use gates::Gates;
pub use postgres::{Password, PostgresStore, PostgresTarget};
pub use replication::{Position, Replication};
pub use schema::{Migration, MigrationState, Schema, SchemaState, Versioned};
pub use sessions::Sessions;
pub use sqlite::SqliteStore;
pub use tokens::Tokens;
