//! How changes are read in order although transactions commit out of order.
//!
//! A look finds the highest visible number first, and then the transactions that hold the lock of an
//! INSERT. An INSERT locks its table before it draws its number, and its transaction releases the
//! lock only after it has become visible. So every transaction that has drawn a lower number is
//! either visible to each later snapshot, or rolled back, or among those that the look found. `CREATE
//! INDEX CONCURRENTLY` waits for writers in the same way.
//!
//! This relies on:
//! - Numbers are drawn only by the default of a column inside an INSERT, never by an earlier
//!   `nextval`, and never set by `OVERRIDING SYSTEM VALUE`. All are drawn from the sequence of
//!   `attendance.id`, whose CACHE is 1. Release 0.1.0 draws from it in the same way.
//! - Every table that draws numbers is in the list of [`Numbers`]. An erasure draws its number in the
//!   transaction that changes the rows.
//! - Highest number, locks and rows are read in this order. The snapshot of the statement that looks is
//!   taken before it reads the locks, which have no snapshot. The rows are read by a later statement,
//!   which has a later snapshot, because every session sets READ COMMITTED. On Citus see `citus.rs`.
//! - A standby knows no such locks, so nothing counts that a server in recovery answers.
//! - After a reconnect everything starts over, because locks and names of transactions are of one
//!   server.

use diesel::dsl::sql;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Text};

use super::citus;
use super::classify::classify;
use super::row::{Row, entry};
use super::session;
use super::store::PostgresStore;
use super::tables::{amendment, attendance, erasure};
use crate::domain::Change;
use crate::store::rows::{self, AmendmentRow, ErasureRow};
use crate::store::{Changes, Follower, Look, OpenWriter, StoreError};

impl Changes for PostgresStore {
    fn follower(&self) -> Result<Box<dyn Follower>, StoreError> {
        let mut connection = session::open_for_following(self.target(), self.timeout())?;
        let is_distributed = citus::distributes_entries(&mut connection)
            .map_err(|error| classify(error, &mut connection))?;
        Ok(Box::new(PostgresFollower { connection, is_distributed }))
    }

    fn changes(&self, after: i64, settled: i64, limit: u16) -> Result<Vec<Change>, StoreError> {
        let mut changes = self.read(|connection| changes(connection, after, settled, limit))??;
        // Each of the three kinds is in order, and complete up to its last one.
        changes.sort_by_key(Change::number);
        changes.truncate(limit.into());
        Ok(changes)
    }
}

struct PostgresFollower {
    connection: PgConnection,
    is_distributed: bool,
}

impl Follower for PostgresFollower {
    fn look(&mut self) -> Result<Look, StoreError> {
        let found = match self.is_distributed {
            false => Numbers { is_distributed: false }.get_result(&mut self.connection),
            true => numbers_on_citus(&mut self.connection),
        };
        let (in_recovery, drawn, highest, mut names) =
            found.map_err(|error| classify(error, &mut self.connection))?;
        if in_recovery {
            return Err(StoreError::unreachable("the server is a standby, which is not followed"));
        }
        names.sort();
        names.dedup();
        let writer = |name: String| OpenWriter { is_prepared: name.starts_with("-1/"), name };
        Ok(Look { drawn, highest, writers: names.into_iter().map(writer).collect() })
    }
}

/// The highest visible number.
const HIGHEST: &str = "greatest((SELECT max(id) FROM attendance), \
     (SELECT max(change) FROM amendment), (SELECT max(change) FROM erasure), 0)";

/// What [`Numbers`] finds.
type Found = (bool, i64, i64, Vec<String>);

/// Three statements, because one that reads distributed tables may run on a worker, which has other
/// locks.
fn numbers_on_citus(connection: &mut PgConnection) -> QueryResult<Found> {
    let highest = diesel::select(sql::<BigInt>(HIGHEST)).get_result(connection)?;
    let numbers = Numbers { is_distributed: true };
    let (in_recovery, drawn, _, mut writers) = numbers.get_result::<Found>(connection)?;
    writers.extend(citus::prepared_on_workers(connection)?);
    Ok((in_recovery, drawn, highest, writers))
}

/// Whether the server is a standby, the highest number that was drawn, the highest visible number,
/// and the names of the transactions that may have drawn lower ones.
///
/// The name `n/0` is of a transaction that is committing and visible already. A prepared transaction
/// keeps its locks, in older servers and after a restart by the name `-1/` and its number.
///
/// A session that is idle in its transaction has no statement that has drawn a number and not yet
/// stored its row. Without a transaction id it has stored no row either, so that it will draw higher
/// numbers, if any. This holds whether its state is read before or after the locks, because both
/// are read after the snapshot was taken. What the role may not see of a session is NULL, and so is
/// the process id of a prepared transaction: these count.
///
/// Where the tables are distributed, the highest number is asked for elsewhere, and a session that has
/// written may have no transaction id of the coordinator: all that hold the lock count.
struct Numbers {
    is_distributed: bool,
}

impl QueryFragment<Pg> for Numbers {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "SELECT pg_is_in_recovery(), \
             coalesce(pg_sequence_last_value(\
             pg_get_serial_sequence('attendance', 'id')::regclass), 0), ",
        );
        out.push_sql(if self.is_distributed { "0::bigint" } else { HIGHEST });
        out.push_sql(
            ", ARRAY(SELECT virtualtransaction FROM pg_locks \
             WHERE locktype = 'relation' AND granted AND mode = 'RowExclusiveLock' \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND relation IN ('attendance'::regclass, 'amendment'::regclass, 'erasure'::regclass) \
             AND virtualtransaction NOT LIKE '%/0'",
        );
        if !self.is_distributed {
            out.push_sql(
                " AND NOT EXISTS (SELECT FROM pg_stat_get_activity(pg_locks.pid) AS session \
                 WHERE session.pid = pg_locks.pid AND backend_xid IS NULL \
                 AND state IN ('idle in transaction', 'idle in transaction (aborted)'))",
            );
        }
        out.push_sql(")");
        Ok(())
    }
}

/// It has two texts, and is known by its text.
impl QueryId for Numbers {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Numbers {
    type SqlType = (Bool, BigInt, BigInt, Array<Text>);
}

impl RunQueryDsl<PgConnection> for Numbers {}

/// The entries, then the amendments, then the erasures. The inner error is a row that cannot be read.
fn changes(
    connection: &mut PgConnection,
    after: i64,
    settled: i64,
    limit: u16,
) -> QueryResult<Result<Vec<Change>, StoreError>> {
    let is_primary = || sql::<Bool>("NOT pg_is_in_recovery()");
    let entries = attendance::table
        .filter(attendance::id.gt(after).and(attendance::id.le(settled)))
        .filter(is_primary())
        .order(attendance::id)
        .limit(limit.into())
        .load::<Row>(connection)?;
    let amendments = amendment::table
        .filter(amendment::change.gt(after).and(amendment::change.le(settled)))
        .filter(is_primary())
        .order(amendment::change)
        .limit(limit.into())
        .load::<AmendmentRow>(connection)?;
    let erasures = erasure::table
        .filter(erasure::change.gt(after).and(erasure::change.le(settled)))
        .filter(is_primary())
        .order(erasure::change)
        .limit(limit.into())
        .load::<ErasureRow>(connection)?;
    let created = entries.into_iter().map(|row| entry(row).map(Change::Created));
    let amended = amendments.into_iter().map(|row| Ok(Change::Amended(rows::amendment(row))));
    let erased = erasures.into_iter().map(|row| Ok(Change::Erased(rows::erasure(row))));
    Ok(created.chain(amended).chain(erased).collect())
}
