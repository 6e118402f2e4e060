//! The embedded store: one SQLite file, for a single gate PC without a database server.

mod migrate;
mod record;
mod session;
mod tables;

use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sqlite::SqliteConnection;

use super::{Migration, Recorder, Schema, Store, StoreError};
use crate::domain::Entry;
use record::{Row, SqliteRecorder};
use tables::attendance;

/// Entries in one SQLite file, in write-ahead mode: one writer, and readers that never wait for it.
pub struct SqliteStore {
    file: PathBuf,
    timeout: Duration,
    reads: session::Connections,
}

impl SqliteStore {
    /// Opens nothing yet. `timeout` bounds the wait for a connection and for the file's lock.
    pub fn new(file: PathBuf, pool_size: u32, timeout: Duration) -> Self {
        let reads = session::pool(&file, pool_size, timeout);
        Self { file, timeout, reads }
    }

    /// The same for a file that is only read: nothing is made or changed in it.
    pub fn read_only(file: PathBuf, pool_size: u32, timeout: Duration) -> Self {
        let reads = session::read_only_pool(&file, pool_size, timeout);
        Self { file, timeout, reads }
    }

    fn reader(&self) -> Result<session::Pooled, StoreError> {
        self.reads.get().map_err(|e| StoreError::Unreachable(e.to_string()))
    }
}

impl Store for SqliteStore {
    fn kind(&self) -> &'static str {
        "embedded"
    }

    fn recorder(&self) -> Result<Box<dyn Recorder>, StoreError> {
        Ok(Box::new(SqliteRecorder::new(session::open(&self.file, self.timeout)?)))
    }

    fn each_entry(
        &self,
        instants: Range<DateTime<Utc>>,
        each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut connection = self.reader()?;
        sheet(&mut connection, &instants, each).map_err(|error| judge(error, &mut connection))?
    }

    fn count(&self, instants: Range<DateTime<Utc>>) -> Result<u64, StoreError> {
        let mut connection = self.reader()?;
        attendance::table
            .filter(within(&instants))
            .count()
            .get_result::<i64>(&mut connection)
            .map(i64::unsigned_abs)
            .map_err(|error| judge(error, &mut connection))
    }

    fn known_migrations(&self) -> Result<Vec<Migration>, StoreError> {
        migrate::known()
    }

    fn applied_versions(&self) -> Result<Vec<String>, StoreError> {
        // Opening a file that is not there would make it.
        match self.file.exists() {
            true => migrate::applied(&mut *self.reader()?).map_err(refusal),
            false => Ok(Vec::new()),
        }
    }

    fn migrate(&self, deadline: Instant, applied: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        migrate::migrate(&mut session::open(&self.file, left)?, applied)
    }
}

/// The inner error is `each`'s own, or a row that cannot be read.
fn sheet(
    connection: &mut SqliteConnection,
    instants: &Range<DateTime<Utc>>,
    each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    let query = attendance::table.filter(within(instants)).order(attendance::id);
    for row in query.load_iter::<Row, _>(connection)? {
        if let Err(error) = record::entry(row?).and_then(&mut *each) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

#[diesel::dsl::auto_type(no_type_alias)]
fn within<'a>(instants: &'a Range<DateTime<Utc>>) -> _ {
    let start: i64 = instants.start.timestamp_micros();
    let end: i64 = instants.end.timestamp_micros();
    attendance::login.ge(start).and(attendance::login.lt(end))
}

/// What a failed statement means.
fn judge(error: DieselError, connection: &mut SqliteConnection) -> StoreError {
    schema(connection).and_then(|schema| schema.require().err()).unwrap_or_else(|| refusal(error))
}

/// What is there of the schema, if the file says so.
fn schema(connection: &mut SqliteConnection) -> Option<Schema> {
    Some(Schema::new(migrate::known().ok()?, migrate::applied(connection).ok()?))
}

/// SQLite is compiled in, so its words are known: those that are no row's fault.
fn refusal(error: DieselError) -> StoreError {
    const NO_ROWS_FAULT: [&str; 6] = [
        "database is locked",
        "database or disk is full",
        "disk I/O error",
        "attempt to write a readonly database",
        "unable to open database file",
        "file is not a database",
    ];
    let text = error.to_string();
    match NO_ROWS_FAULT.iter().any(|words| text.contains(words)) {
        true => StoreError::Unreachable(text),
        false => StoreError::Refused(text),
    }
}
