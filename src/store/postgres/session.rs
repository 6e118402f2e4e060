//! How connections are opened, and what holds for the whole of a session.

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Error as PoolError, Pool};

use super::record::PostgresRecorder;
use crate::store::StoreError;

/// Which database to connect to, and how. The words are libpq's.
#[derive(Debug, Clone)]
pub struct PostgresTarget {
    pub host: String,
    pub port: u16,
    pub dbname: String,
    pub user: String,
    pub password: Password,
    pub sslmode: String,
    pub sslrootcert: Option<String>,
}

/// A password, which no log and no `Debug` ever shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

impl PostgresTarget {
    /// libpq's connection string. `timeout` bounds connecting, and how long a silent peer is
    /// believed to be there.
    fn conninfo(&self, timeout: Duration) -> String {
        let seconds = timeout.as_secs().max(1).to_string();
        let milliseconds = timeout.as_millis().max(1_000).to_string();
        let port = self.port.to_string();
        let mut conninfo = String::new();
        for (keyword, value) in [
            ("host", self.host.as_str()),
            ("port", &port),
            ("dbname", &self.dbname),
            ("user", &self.user),
            ("password", &self.password.0),
            ("sslmode", &self.sslmode),
            ("connect_timeout", &seconds),
            ("tcp_user_timeout", &milliseconds),
            ("keepalives_idle", &seconds),
            ("keepalives_interval", "1"),
            ("keepalives_count", "3"),
            ("application_name", "rollcall"),
        ]
        .into_iter()
        .chain(self.sslrootcert.as_deref().map(|file| ("sslrootcert", file)))
        {
            let quoted = value.replace('\\', r"\\").replace('\'', r"\'");
            // Writing to a String cannot fail.
            let _ = write!(conninfo, "{keyword}='{quoted}' ");
        }
        conninfo
    }

    fn open(&self, timeout: Duration) -> Result<PgConnection, StoreError> {
        PgConnection::establish(&self.conninfo(timeout))
            .map_err(|e| StoreError::Unreachable(e.to_string().trim().to_owned()))
    }
}

/// What every session of the service sets, whatever defaults the database or the role has.
///
/// A statement may take a second longer than anybody waits, so that the request's own time-out,
/// which knows what to answer, always comes first. A replay is found by reading what another
/// transaction has committed meanwhile, which is what READ COMMITTED does.
fn session_settings(timeout: Duration) -> String {
    format!(
        "SET statement_timeout = {}; SET lock_timeout = 0; \
         SET default_transaction_isolation = 'read committed';",
        timeout.as_millis() + 1_000
    )
}

/// The reads' pool. Connections are opened when they are needed.
pub(super) fn pool(
    target: &PostgresTarget,
    size: u32,
    timeout: Duration,
) -> Pool<ConnectionManager<PgConnection>> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(timeout)
        .connection_customizer(Box::new(ReadSession { timeout }))
        .error_handler(Box::new(LogConnectError))
        .build_unchecked(ConnectionManager::new(target.conninfo(timeout)))
}

#[derive(Debug)]
struct ReadSession {
    timeout: Duration,
}

impl CustomizeConnection<PgConnection, PoolError> for ReadSession {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), PoolError> {
        // A sheet is always read to its end, so its cursor is planned for that.
        let settings = format!("{} SET cursor_tuple_fraction = 1", session_settings(self.timeout));
        connection.batch_execute(&settings).map_err(PoolError::QueryError)
    }
}

/// The request that waits for the connection is told by the time-out; the reason goes here.
#[derive(Debug)]
struct LogConnectError;

impl r2d2::HandleError<PoolError> for LogConnectError {
    fn handle_error(&self, error: PoolError) {
        tracing::warn!(%error, "cannot open a connection for reading");
    }
}

/// A connection whose commits are flushed to disk before they are answered, whatever default the
/// server, the database or the role has.
pub(super) fn open_for_writing(
    target: &PostgresTarget,
    timeout: Duration,
) -> Result<PostgresRecorder, StoreError> {
    let mut connection = target.open(timeout)?;
    let settings = format!(
        "{} SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') = 'off'",
        session_settings(timeout)
    );
    connection.batch_execute(&settings).map_err(|e| StoreError::Unreachable(e.to_string()))?;
    Ok(PostgresRecorder::new(connection))
}

/// A connection that waits for other migrations, and for locks on tables, until `deadline`.
pub(super) fn open_for_migrating(
    target: &PostgresTarget,
    deadline: Instant,
) -> Result<PgConnection, StoreError> {
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    let mut connection = target.open(left.min(Duration::from_secs(10)))?;
    // PostgreSQL keeps milliseconds in 32 bits: 24 days.
    let lock_timeout = left.as_millis().min(i32::MAX as u128);
    let settings = format!("SET statement_timeout = 0; SET lock_timeout = {lock_timeout}");
    connection.batch_execute(&settings).map_err(|e| StoreError::Unreachable(e.to_string()))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> PostgresTarget {
        PostgresTarget {
            host: "db".into(),
            port: 5432,
            dbname: "it's".into(),
            user: r"back\slash".into(),
            password: Password("p w' dbname='other".into()),
            sslmode: "require".into(),
            sslrootcert: None,
        }
    }

    #[test]
    fn values_are_quoted_for_libpq() {
        let conninfo = target().conninfo(Duration::from_secs(5));
        for part in [
            r"dbname='it\'s' ",
            r"user='back\\slash' ",
            r"password='p w\' dbname=\'other' ",
            "connect_timeout='5' ",
            "tcp_user_timeout='5000' ",
        ] {
            assert!(conninfo.contains(part), "{part} in {conninfo}");
        }
        assert!(!conninfo.contains("sslrootcert"));
    }

    #[test]
    fn a_password_is_never_shown() {
        assert!(!format!("{:?}", target()).contains("p w"));
    }
}
