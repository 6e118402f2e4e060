use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Timestamptz;
use uuid::Uuid;

use super::tables::attendance;
use crate::domain::Entry;
use crate::store::StoreError;

/// How many rows are fetched at once: enough that a round trip does not count, in some hundred
/// kilobytes.
const PORTION: usize = 2_000;

/// A row of `attendance`, in the order of its columns.
pub(super) type Row = (i64, Uuid, DateTime<Utc>, DateTime<Utc>, String, String, Option<String>);

impl Entry {
    pub(super) fn from_row(row: Row) -> Self {
        let (id, entry_id, login, received_at, lastname, firstname, gate) = row;
        Self { id, entry_id, login, received_at, firstname, lastname, gate }
    }
}

/// One range query through a cursor: one picture of the day, and memory for a few portions of it.
/// The inner error is `each`'s own.
///
/// Not `LIMIT` and `OFFSET`, nor a key to go on from: they make the planner walk the primary key
/// from the start. Not libpq's single-row mode: it makes a result object for each row.
pub(super) fn each_entry(
    connection: &mut PgConnection,
    instants: &Range<DateTime<Utc>>,
    each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    // A thread fetches the next portion while this one works on the last.
    let (sender, portions) = mpsc::sync_channel(1);
    thread::scope(|scope| {
        let fetching = scope.spawn(move || fetch(connection, instants, &sender));
        let worked = portions.iter().flatten().try_for_each(|row| each(Entry::from_row(row)));
        // If the work has failed, the fetching ends because nobody listens any more.
        drop(portions);
        let fetched = fetching.join().unwrap_or_else(|panic| resume_unwind(panic));
        fetched.map(|()| worked)
    })
}

/// Sends portion after portion until the last, or until nobody listens.
fn fetch(
    connection: &mut PgConnection,
    instants: &Range<DateTime<Utc>>,
    portions: &mpsc::SyncSender<Vec<Row>>,
) -> QueryResult<()> {
    connection.build_transaction().read_only().run(|connection| {
        DeclareSheet { start: instants.start, end: instants.end }.execute(connection)?;
        loop {
            let portion = FetchPortion.load::<Row>(connection)?;
            let is_last = portion.len() < PORTION;
            if portions.send(portion).is_err() || is_last {
                return Ok(());
            }
        }
    })
}

#[derive(QueryId)]
struct DeclareSheet {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl QueryFragment<Pg> for DeclareSheet {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "DECLARE sheet NO SCROLL CURSOR FOR \
             SELECT id, entry_id, login, received_at, lastname, firstname, gate \
             FROM attendance WHERE login >= ",
        );
        out.push_bind_param::<Timestamptz, _>(&self.start)?;
        out.push_sql(" AND login < ");
        out.push_bind_param::<Timestamptz, _>(&self.end)?;
        out.push_sql(" ORDER BY id");
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for DeclareSheet {}

/// The next rows of the cursor.
#[derive(QueryId)]
struct FetchPortion;

impl QueryFragment<Pg> for FetchPortion {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // A utility statement takes no parameter; this is a number of ours.
        out.push_sql(&format!("FETCH FORWARD {PORTION} FROM sheet"));
        Ok(())
    }
}

impl Query for FetchPortion {
    type SqlType = attendance::SqlType;
}

impl RunQueryDsl<PgConnection> for FetchPortion {}
