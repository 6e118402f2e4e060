use std::ops::Range;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::row::{Row, entry};
use super::tables::attendance;
use crate::domain::Entry;
use crate::store::StoreError;

/// One range query, row by row. The inner error is `each`'s own, or a row that cannot be read.
pub(super) fn each_entry(
    connection: &mut SqliteConnection,
    instants: &Range<DateTime<Utc>>,
    each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    let query = attendance::table.filter(within(instants)).order(attendance::id);
    for row in query.load_iter::<Row, _>(connection)? {
        if let Err(error) = entry(row?).and_then(&mut *each) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
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
