//! SQLite has one writer at a time, so numbers become visible in their order, and everything up to the
//! highest visible one is settled.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::classify::classify;
use super::row::{Row, entry};
use super::store::SqliteStore;
use super::tables::{amendment, attendance, erasure, sqlite_sequence};
use crate::domain::Change;
use crate::store::rows::{self, AmendmentRow, ErasureRow};
use crate::store::{Changes, Follower, Look, StoreError};

impl Changes for SqliteStore {
    fn follower(&self) -> Result<Box<dyn Follower>, StoreError> {
        Ok(Box::new(SqliteFollower(self.open()?)))
    }

    fn changes(&self, after: i64, settled: i64, limit: u16) -> Result<Vec<Change>, StoreError> {
        let mut connection = self.reader()?;
        // A deferred transaction reads one snapshot, so that no kind lacks what another has.
        let mut changes = connection
            .transaction(|connection| changes(connection, after, settled, limit))
            .map_err(|error| classify(error, &mut connection))??;
        // Each of the three kinds is in order, and complete up to its last one.
        changes.sort_by_key(Change::number);
        changes.truncate(limit.into());
        Ok(changes)
    }
}

struct SqliteFollower(SqliteConnection);

impl Follower for SqliteFollower {
    fn look(&mut self) -> Result<Look, StoreError> {
        let (drawn, highest) =
            numbers(&mut self.0).map_err(|error| classify(error, &mut self.0))?;
        Ok(Look { drawn, highest, writers: Vec::new() })
    }
}

/// The highest number that was drawn, and the highest that is visible.
fn numbers(connection: &mut SqliteConnection) -> QueryResult<(i64, i64)> {
    let id: Option<i64> =
        attendance::table.select(max(attendance::id)).get_result(&mut *connection)?;
    let amended: Option<i64> =
        amendment::table.select(max(amendment::change)).get_result(&mut *connection)?;
    let erased: Option<i64> =
        erasure::table.select(max(erasure::change)).get_result(&mut *connection)?;
    let drawn: Option<i64> = sqlite_sequence::table
        .filter(sqlite_sequence::name.eq("attendance"))
        .select(sqlite_sequence::seq)
        .get_result(connection)
        .optional()?;
    Ok((drawn.unwrap_or(0), id.max(amended).max(erased).unwrap_or(0)))
}

/// The entries, then the amendments, then the erasures. The inner error is a row that cannot be read.
fn changes(
    connection: &mut SqliteConnection,
    after: i64,
    settled: i64,
    limit: u16,
) -> QueryResult<Result<Vec<Change>, StoreError>> {
    let entries = attendance::table
        .filter(attendance::id.gt(after).and(attendance::id.le(settled)))
        .order(attendance::id)
        .limit(limit.into())
        .load::<Row>(connection)?;
    let amendments = amendment::table
        .filter(amendment::change.gt(after).and(amendment::change.le(settled)))
        .order(amendment::change)
        .limit(limit.into())
        .load::<AmendmentRow>(connection)?;
    let erasures = erasure::table
        .filter(erasure::change.gt(after).and(erasure::change.le(settled)))
        .order(erasure::change)
        .limit(limit.into())
        .load::<ErasureRow>(connection)?;
    let created = entries.into_iter().map(|row| entry(row).map(Change::Created));
    let amended = amendments.into_iter().map(|row| Ok(Change::Amended(rows::amendment(row))));
    let erased = erasures.into_iter().map(|row| Ok(Change::Erased(rows::erasure(row))));
    Ok(created.chain(amended).chain(erased).collect())
}
