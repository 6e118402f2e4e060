use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sqlite::SqliteConnection;
use uuid::Uuid;

use super::row::{Row, entry};
use super::tables::{amendment, attendance, erasure, sqlite_sequence};
use super::types::{At, Id, UuidText};
use crate::domain::{Amendment, StoredAmendment, Trail};
use crate::store::StoreError;
use crate::store::rows::{self, AmendmentRow, ErasureRow};

/// The entries of the chain that the parameter is in.
const CHAIN: &str = "WITH RECURSIVE chain (entry_id) AS (SELECT ? UNION \
     SELECT CASE WHEN step.entry_id = chain.entry_id THEN step.replacement ELSE step.entry_id END \
     FROM chain JOIN amendment step \
     ON step.entry_id = chain.entry_id OR step.replacement = chain.entry_id \
     WHERE step.replacement IS NOT NULL) SELECT entry_id FROM chain";

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = UuidText)]
    entry_id: Uuid,
}

/// The `entry_id`s of the chain that an entry is in, its own included.
fn chain(connection: &mut SqliteConnection, entry_id: Uuid) -> QueryResult<Vec<Uuid>> {
    let links = sql_query(CHAIN).bind::<UuidText, _>(Id(entry_id));
    let links = links.load::<Link>(connection)?;
    Ok(links.into_iter().map(|link| link.entry_id).collect())
}

/// The inner error is a row that cannot be read.
pub(super) fn trail(
    connection: &mut SqliteConnection,
    entry_id: Uuid,
) -> QueryResult<Result<Option<Trail>, StoreError>> {
    // A deferred transaction reads one snapshot.
    let (entries, amendments, erasures) = connection.transaction(|connection| {
        let ids = chain(connection, entry_id)?;
        let entries = attendance::table
            .filter(attendance::entry_id.eq_any(ids.iter().copied().map(Id)))
            .load::<Row>(connection)?;
        let amendments = amendment::table
            .filter(amendment::entry_id.eq_any(ids.iter().copied().map(Id)))
            .load::<AmendmentRow>(connection)?;
        let erasures = erasure::table
            .filter(erasure::entry_id.eq_any(ids.iter().copied().map(Id)))
            .load::<ErasureRow>(connection)?;
        QueryResult::Ok((entries, amendments, erasures))
    })?;
    let entries = entries.into_iter().map(entry).collect::<Result<Vec<_>, _>>();
    let amendments = amendments.into_iter().map(rows::amendment).collect();
    let erasures = erasures.into_iter().map(rows::erasure).collect();
    Ok(entries.map(|entries| Trail::new(entry_id, entries, amendments, erasures)))
}

/// The last amendment of each entry whose `login` lies in `instants`, by `entry_id`.
pub(super) fn last_amendments(
    connection: &mut SqliteConnection,
    instants: &Range<DateTime<Utc>>,
) -> QueryResult<HashMap<Uuid, StoredAmendment>> {
    let rows = amendment::table
        .inner_join(attendance::table.on(attendance::entry_id.eq(amendment::entry_id)))
        .filter(
            attendance::login.ge(At(instants.start)).and(attendance::login.lt(At(instants.end))),
        )
        .order(amendment::number)
        .select(amendment::all_columns)
        .load::<AmendmentRow>(connection)?;
    let stored = rows.into_iter().map(rows::amendment);
    Ok(stored.map(|stored| (stored.amendment.entry_id, stored)).collect())
}

/// Inserts the amendment, in a transaction that holds the write lock. Returns its number among all
/// changes; `None` if its own number is taken, or the entry is erased.
pub(super) fn insert(
    connection: &mut SqliteConnection,
    new: &Amendment,
) -> QueryResult<Option<i64>> {
    let entry_id = Id(new.entry_id);
    let taken: i64 = amendment::table
        .filter(amendment::entry_id.eq(entry_id).and(amendment::number.eq(new.number)))
        .count()
        .get_result(connection)?;
    let erasures = erasure::table.filter(erasure::entry_id.eq(entry_id)).count();
    let erased: i64 = erasures.get_result(connection)?;
    if taken + erased > 0 {
        return Ok(None);
    }
    diesel::insert_into(amendment::table)
        .values((
            amendment::change.eq(next_number(connection)?),
            amendment::entry_id.eq(entry_id),
            amendment::number.eq(new.number),
            amendment::replacement.eq(new.replacement.map(Id)),
            amendment::reason.eq(&*new.reason),
            amendment::made_by.eq(&new.by),
            amendment::made_at.eq(At(new.at)),
        ))
        .returning(amendment::change)
        .get_result(connection)
        .map(Some)
}

/// Draws a number from the sequence of the entries' ids. It exists, because the amended entry does.
fn next_number(connection: &mut SqliteConnection) -> QueryResult<i64> {
    diesel::update(sqlite_sequence::table.filter(sqlite_sequence::name.eq("attendance")))
        .set(sqlite_sequence::seq.eq(sqlite_sequence::seq + 1))
        .returning(sqlite_sequence::seq)
        .get_result(connection)
}
