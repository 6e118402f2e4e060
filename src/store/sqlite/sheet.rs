use std::ops::Range;

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::amendments::last_amendments;
use super::row::{Row, entry};
use super::tables::{amendment, attendance};
use crate::domain::{Entry, StoredAmendment};
use crate::store::StoreError;

/// One range query, row by row. The inner error is `each`'s own, or a row that cannot be read.
pub(super) fn each_entry(
    connection: &mut SqliteConnection,
    instants: &Range<DateTime<Utc>>,
    each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    let amendments = amendment::table.filter(amendment::entry_id.eq(attendance::entry_id));
    let query = attendance::table
        .filter(within(instants))
        .filter(not(exists(amendments)))
        .order(attendance::id);
    for row in query.load_iter::<Row, _>(connection)? {
        if let Err(error) = entry(row?).and_then(&mut *each) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

/// The same with voided and replaced entries. Their amendments are few, and read first.
pub(super) fn each_entry_and_amendment(
    connection: &mut SqliteConnection,
    instants: &Range<DateTime<Utc>>,
    each: &mut dyn FnMut(Entry, Option<StoredAmendment>) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    // A deferred transaction reads one snapshot.
    connection.transaction(|connection| {
        let mut amendments = match last_amendments(connection, instants)? {
            Ok(amendments) => amendments,
            Err(error) => return Ok(Err(error)),
        };
        let query = attendance::table.filter(within(instants)).order(attendance::id);
        for row in query.load_iter::<Row, _>(connection)? {
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

pub(super) fn count(
    connection: &mut SqliteConnection,
    instants: &Range<DateTime<Utc>>,
) -> QueryResult<u64> {
    let query = attendance::table.filter(within(instants)).count();
    query.get_result::<i64>(connection).map(i64::unsigned_abs)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn within<'a>(instants: &'a Range<DateTime<Utc>>) -> _ {
    let start: i64 = instants.start.timestamp_micros();
    let end: i64 = instants.end.timestamp_micros();
    attendance::login.ge(start).and(attendance::login.lt(end))
}
