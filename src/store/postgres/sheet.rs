use std::ops::Range;
use std::sync::mpsc;
use std::thread;

use chrono::{DateTime, Utc};
use diesel::connection::DefaultLoadingMode;
use diesel::pg::data_types::PgTimestamp;
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
const PORTION: usize = 1_000;

/// 2000-01-01 00:00 UTC, from which PostgreSQL counts, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// A row of `attendance`, in the order of its columns. Its moments are turned into ours later, by
/// [`entry`], because the thread that fetches has enough to do.
pub(super) type Row = (i64, Uuid, PgTimestamp, PgTimestamp, String, String, Option<String>);

/// Reads a row; whatever cannot be read was not written by us.
pub(super) fn entry(row: Row) -> Result<Entry, StoreError> {
    let (id, entry_id, login, received_at, lastname, firstname, gate) = row;
    let moment = |PgTimestamp(micros)| {
        micros
            .checked_add(EPOCH)
            .and_then(DateTime::from_timestamp_micros)
            .ok_or_else(|| StoreError::Defect(format!("the row with id {id} cannot be read")))
    };
    let (login, received_at) = (moment(login)?, moment(received_at)?);
    Ok(Entry { id, entry_id, login, received_at, firstname, lastname, gate })
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
    connection.build_transaction().read_only().run(|connection| {
        DeclareSheet { start: instants.start, end: instants.end }.execute(connection)?;
        thread::scope(|scope| {
            let (to_one, ones_turn) = mpsc::channel();
            let (to_other, others_turn) = mpsc::channel();
            // It cannot fail: the receiver is there.
            let _ = to_one.send(connection);
            let fetchers = [(ones_turn, to_other), (others_turn, to_one)];
            let portions = fetchers.map(|(turn, next)| {
                let (sender, portions) = mpsc::sync_channel(1);
                scope.spawn(move || Fetcher { turn, next, portions: sender }.run());
                portions
            });
            // If the work fails, the fetchers end because nobody listens any more.
            for portion in portions.iter().cycle().map_while(|fetched| fetched.recv().ok()) {
                if let Err(error) = portion?.into_iter().map(entry).try_for_each(|row| each(row?)) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })
    })
}

/// Fetches every other portion. The connection goes to the other fetcher as soon as the rows are
/// here, so that PostgreSQL is at work on the next ones while these are decoded.
struct Fetcher<'c> {
    turn: mpsc::Receiver<&'c mut PgConnection>,
    next: mpsc::Sender<&'c mut PgConnection>,
    portions: mpsc::SyncSender<QueryResult<Vec<Row>>>,
}

impl Fetcher<'_> {
    /// Ends after the last portion, after an error, or when nobody listens.
    fn run(self) {
        while let Ok(connection) = self.turn.recv() {
            let rows = FetchPortion.load_iter::<Row, DefaultLoadingMode>(&mut *connection);
            let is_last = rows.as_ref().map_or(true, |rows| rows.len() < PORTION);
            if !is_last {
                // Fails if the other one has ended, which then nobody listens to.
                let _ = self.next.send(connection);
            }
            let portion = rows.and_then(Iterator::collect);
            if self.portions.send(portion).is_err() || is_last {
                return;
            }
        }
    }
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
