//! How the file is opened, and what holds for each connection.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{
    ConnectionManager, CustomizeConnection, Error as PoolError, Pool, PooledConnection,
};
use diesel::sqlite::SqliteConnection;

use crate::store::StoreError;

pub(super) type Pooled = PooledConnection<ConnectionManager<SqliteConnection>>;

/// `FULL` flushes the log at every commit. Waiting for a lock comes first, because turning on the
/// write-ahead log takes one.
fn pragmas(timeout: Duration) -> String {
    format!(
        "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; \
         PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
        timeout.as_millis()
    )
}

/// Opens the file, and makes it if it is not there.
pub(super) fn open(file: &Path, timeout: Duration) -> Result<SqliteConnection, StoreError> {
    let unreachable =
        |cause: String| StoreError::Unreachable(format!("{}: {cause}", file.display()));
    let mut connection = SqliteConnection::establish(&file.to_string_lossy())
        .map_err(|e| unreachable(e.to_string()))?;
    connection.batch_execute(&pragmas(timeout)).map_err(|e| unreachable(e.to_string()))?;
    Ok(connection)
}

/// The reads' pool. Connections are opened when they are needed.
pub(super) fn pool(
    file: &Path,
    size: u32,
    timeout: Duration,
) -> Pool<ConnectionManager<SqliteConnection>> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(timeout)
        .connection_customizer(Box::new(Pragmas { timeout }))
        .build_unchecked(ConnectionManager::new(file.to_string_lossy()))
}

#[derive(Debug)]
struct Pragmas {
    timeout: Duration,
}

impl CustomizeConnection<SqliteConnection, PoolError> for Pragmas {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), PoolError> {
        connection.batch_execute(&pragmas(self.timeout)).map_err(PoolError::QueryError)
    }
}
