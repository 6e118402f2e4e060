//! How connections are opened, and the settings of their sessions.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Error as PoolError, Pool};

use super::target::PostgresTarget;
use crate::store::StoreError;

/// The settings of every session, which override the defaults of the database and the role.
///
/// A statement may take a second longer than a request waits, so that the request's timeout, which
/// gives the right answer, always comes first. READ COMMITTED finds a replayed entry that another
/// transaction has just committed.
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
        // A cursor of ours is always read to its end, so it is planned for that.
        let settings = format!("{} SET cursor_tuple_fraction = 1", session_settings(self.timeout));
        connection.batch_execute(&settings).map_err(PoolError::QueryError)
    }
}

/// The waiting request only sees a timeout; the reason is logged here.
#[derive(Debug)]
struct LogConnectError;

impl r2d2::HandleError<PoolError> for LogConnectError {
    fn handle_error(&self, error: PoolError) {
        tracing::warn!(%error, "cannot open a connection for reading");
    }
}

/// A connection whose commits are flushed to disk before they are acknowledged, whatever the
/// defaults of the server, the database and the role are.
pub(super) fn open_for_writing(
    target: &PostgresTarget,
    timeout: Duration,
) -> Result<PgConnection, StoreError> {
    let mut connection = target.open(timeout)?;
    let settings = format!(
        "{} SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') = 'off'",
        session_settings(timeout)
    );
    connection.batch_execute(&settings).map_err(StoreError::unreachable)?;
    Ok(connection)
}

/// A connection that erases. It may read for long, but waits for a lock only briefly, because
/// amendments queue behind it. Its many small statements are planned for their own
/// values, without parallel workers and compilation, which would take longer than they do.
pub(super) fn open_for_erasing(
    target: &PostgresTarget,
    timeout: Duration,
) -> Result<PgConnection, StoreError> {
    let mut connection = open_for_writing(target, timeout)?;
    connection
        .batch_execute(
            "SET statement_timeout = 0; SET lock_timeout = 2000; \
             SET max_parallel_workers_per_gather = 0; SET jit = off; \
             SET plan_cache_mode = force_custom_plan",
        )
        .map_err(StoreError::unreachable)?;
    Ok(connection)
}

/// A connection that reads the numbers of changes.
pub(super) fn open_for_following(
    target: &PostgresTarget,
    timeout: Duration,
) -> Result<PgConnection, StoreError> {
    let mut connection = target.open(timeout)?;
    connection.batch_execute(&session_settings(timeout)).map_err(StoreError::unreachable)?;
    Ok(connection)
}

/// A connection that waits for other migrations and for table locks until `deadline`.
pub(super) fn open_for_migrating(
    target: &PostgresTarget,
    deadline: Instant,
) -> Result<PgConnection, StoreError> {
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    let mut connection = target.open(left.min(Duration::from_secs(10)))?;
    // PostgreSQL keeps milliseconds in 32 bits: 24 days.
    let lock_timeout = left.as_millis().min(i32::MAX as u128);
    let settings = format!("SET statement_timeout = 0; SET lock_timeout = {lock_timeout}");
    connection.batch_execute(&settings).map_err(StoreError::unreachable)?;
    Ok(connection)
}
