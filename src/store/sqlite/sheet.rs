use std::ops::Range;

use chrono::{DateTime, Utc};
use diesel::connection::DefaultLoadingMode;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};
use uuid::Uuid;

use super::amendments::last_amendments;
use super::row::{OlderRow, Row, entry};
use super::tables::{amendment, attendance, erasure};
use super::types::{At, Id};
use crate::domain::{Entry, Selection, StoredAmendment};
use crate::store::StoreError;

/// One range query, row by row. The inner error is `each`'s own, or a row that cannot be read.
pub(super) fn each_entry(
    connection: &mut SqliteConnection,
    selection: &Selection,
    each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    let amendments = amendment::table.filter(amendment::entry_id.eq(attendance::entry_id));
    let query = selected(selection).filter(not(exists(amendments)));
    for row in query.load_iter::<Row, DefaultLoadingMode>(connection)? {
        if let Err(error) = entry(row?).and_then(&mut *each) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

/// The same with voided and replaced entries. Their amendments are few, and read first.
pub(super) fn each_entry_and_amendment(
    connection: &mut SqliteConnection,
    selection: &Selection,
    each: &mut dyn FnMut(Entry, Option<StoredAmendment>) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    // A deferred transaction reads one snapshot.
    connection.transaction(|connection| {
        let mut amendments = last_amendments(connection, &selection.instants)?;
        for row in selected(selection).load_iter::<Row, DefaultLoadingMode>(connection)? {
            let handed_out = entry(row?).and_then(|entry| {
                let amendment = amendments.remove(&entry.passage.entry_id);
                each(entry, amendment)
            });
            if let Err(error) = handed_out {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    })
}

/// The rows of a selection, by ascending id.
fn selected(Selection { instants, filter }: &Selection) -> attendance::BoxedQuery<'_, Sqlite> {
    let mut query = attendance::table.filter(within(instants)).order(attendance::id).into_boxed();
    if let Some(gate) = filter.gate.as_deref() {
        query = query.filter(attendance::gate.eq(gate));
    }
    if let Some(direction) = filter.direction {
        query = query.filter(attendance::direction.eq(direction.as_str()));
    }
    if let Some(person_ref) = filter.person_ref.as_deref() {
        query = query.filter(attendance::person_ref.eq(person_ref));
    }
    query
}

/// The rows that have one of these ids, or a `login` at one of these moments.
pub(super) fn find(
    connection: &mut SqliteConnection,
    ids: &[Uuid],
    moments: &[DateTime<Utc>],
) -> QueryResult<Vec<OlderRow>> {
    let named = attendance::entry_id.eq_any(ids.iter().copied().map(Id));
    let simultaneous = attendance::login.eq_any(moments.iter().copied().map(At));
    attendance::table
        .left_join(erasure::table.on(erasure::entry_id.eq(attendance::entry_id)))
        .filter(named.or(simultaneous))
        .select((attendance::all_columns, erasure::change.nullable()))
        .load(connection)
}

pub(super) fn count(
    connection: &mut SqliteConnection,
    instants: &Range<DateTime<Utc>>,
) -> QueryResult<u64> {
    let query = attendance::table.filter(within(instants)).count();
    query.get_result::<i64>(connection).map(i64::unsigned_abs)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn within<'a>(instants: &'a Range<DateTime<Utc>>) -> _ {
    let start: At = At(instants.start);
    let end: At = At(instants.end);
    attendance::login.ge(start).and(attendance::login.lt(end))
}
