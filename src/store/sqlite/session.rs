//! How the file is opened, and the settings of each connection.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{
    ConnectionManager, CustomizeConnection, Error as PoolError, Pool, PooledConnection,
};
use diesel::sqlite::SqliteConnection;

use crate::store::StoreError;

pub(super) type Connections = Pool<ConnectionManager<SqliteConnection>>;
pub(super) type Pooled = PooledConnection<ConnectionManager<SqliteConnection>>;

/// `FULL` flushes the log at every commit; `secure_delete` overwrites what is deleted. The wait for locks is set first, because switching to
/// the write-ahead log takes one.
fn pragmas(timeout: Duration) -> String {
    format!(
        "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; \
         PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON",
        timeout.as_millis()
    )
}

/// Opens the file, and creates it if it is missing.
pub(super) fn open(file: &Path, timeout: Duration) -> Result<SqliteConnection, StoreError> {
    let unreachable =
        |cause: String| StoreError::unreachable(format!("{}: {cause}", file.display()));
    let mut connection = SqliteConnection::establish(&file.to_string_lossy())
        .map_err(|e| unreachable(e.to_string()))?;
    connection.batch_execute(&pragmas(timeout)).map_err(|e| unreachable(e.to_string()))?;
    Ok(connection)
}

/// The reads' pool. Connections are opened when they are needed.
pub(super) fn pool(file: &Path, size: u32, timeout: Duration) -> Connections {
    connections(file.to_string_lossy().into_owned(), size, timeout, pragmas(timeout))
}

/// The same for a file that must not be changed.
pub(super) fn read_only_pool(file: &Path, size: u32, timeout: Duration) -> Connections {
    // In SQLite's URIs these three characters would end the path or begin an escape.
    let path = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let wait = format!("PRAGMA busy_timeout = {}", timeout.as_millis());
    // An absolute path needs an empty host before it.
    let host = if file.is_absolute() { "//" } else { "" };
    connections(format!("file:{host}{path}?mode=ro"), size, timeout, wait)
}

fn connections(address: String, size: u32, timeout: Duration, pragmas: String) -> Connections {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(timeout)
        .connection_customizer(Box::new(Pragmas(pragmas)))
        .build_unchecked(ConnectionManager::new(address))
}

#[derive(Debug)]
struct Pragmas(String);

impl CustomizeConnection<SqliteConnection, PoolError> for Pragmas {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), PoolError> {
        connection.batch_execute(&self.0).map_err(PoolError::QueryError)
    }
}
