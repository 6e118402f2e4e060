//! PostgreSQL: the adapter for anything larger than one gate.

mod migrate;
mod position;
mod record;
mod session;
mod sheet;
mod tables;

use std::ops::Range;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool, R2D2Connection};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::{Migration, Position, Recorder, Schema, Store, StoreError};
use crate::domain::Entry;
use tables::attendance;

pub use session::{Password, PostgresTarget};

/// Entries in a PostgreSQL database.
pub struct PostgresStore {
    target: PostgresTarget,
    timeout: Duration,
    reads: Pool<ConnectionManager<PgConnection>>,
}

impl PostgresStore {
    /// Connects to nothing yet. `timeout` bounds the wait for a connection and for a statement.
    pub fn new(target: PostgresTarget, pool_size: u32, timeout: Duration) -> Self {
        let reads = session::pool(&target, pool_size, timeout);
        Self { target, timeout, reads }
    }

    /// Runs `read` on a pooled connection, which is not checked first: that would cost a second
    /// round trip. If it turns out to be dead the next one is tried, as often as there may be dead
    /// ones in the pool, and once more.
    fn read<T>(
        &self,
        mut read: impl FnMut(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let mut dead = 0;
        loop {
            let mut connection =
                self.reads.get().map_err(|e| StoreError::Unreachable(e.to_string()))?;
            match read(&mut connection).map_err(|error| judge(error, &mut connection)) {
                Err(StoreError::Unreachable(_)) if dead < self.reads.max_size() => dead += 1,
                outcome => return outcome,
            }
        }
    }
}

impl Store for PostgresStore {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn recorder(&self) -> Result<Box<dyn Recorder>, StoreError> {
        Ok(Box::new(session::open_for_writing(&self.target, self.timeout)?))
    }

    fn each_entry(
        &self,
        instants: Range<DateTime<Utc>>,
        each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut started = false;
        self.read(|connection| {
            let mut each = |entry| {
                started = true;
                each(entry)
            };
            match sheet::each_entry(connection, &instants, &mut each) {
                // What was handed out cannot be taken back, so this is not begun again.
                Err(error) if started => Ok(Err(judge(error, connection))),
                sheet => sheet,
            }
        })?
    }

    fn count(&self, instants: Range<DateTime<Utc>>) -> Result<u64, StoreError> {
        let query = attendance::table
            .filter(attendance::login.ge(instants.start).and(attendance::login.lt(instants.end)))
            .count();
        self.read(|connection| query.get_result::<i64>(connection).map(i64::unsigned_abs))
    }

    fn position(&self) -> Result<Position, StoreError> {
        self.read(position::position)
    }

    fn known_migrations(&self) -> Result<Vec<Migration>, StoreError> {
        migrate::known()
    }

    fn applied_versions(&self) -> Result<Vec<String>, StoreError> {
        self.read(migrate::applied)
    }

    fn migrate(&self, deadline: Instant, applied: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        let mut connection = session::open_for_migrating(&self.target, deadline)?;
        migrate::migrate(&mut connection, applied)
    }
}

/// What a failed statement means.
fn judge(error: DieselError, connection: &mut PgConnection) -> StoreError {
    use DatabaseErrorKind::{ClosedConnection, ReadOnlyTransaction, UnableToSendCommand};
    match error {
        // A primary that became a standby is read-only: a new connection may find the new primary.
        DieselError::DatabaseError(
            ClosedConnection | UnableToSendCommand | ReadOnlyTransaction,
            cause,
        ) => StoreError::Unreachable(cause.message().to_owned()),
        error if connection.is_broken() => StoreError::Unreachable(error.to_string()),
        // Diesel does not tell SQLSTATEs apart, so a missing table is found by asking for it.
        error => schema(connection)
            .and_then(|schema| schema.require().err())
            .unwrap_or_else(|| StoreError::Refused(error.to_string())),
    }
}

/// What is there of the schema, if the database says so.
fn schema(connection: &mut PgConnection) -> Option<Schema> {
    Some(Schema::new(migrate::known().ok()?, migrate::applied(connection).ok()?))
}
