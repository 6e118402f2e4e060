use std::ops::Range;
use std::sync::mpsc;
use std::thread;

use chrono::{DateTime, Utc};
use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Text, Timestamptz};
use uuid::Uuid;

use super::amendments::last_amendments;
use super::row::{OlderRow, Row, entry};
use super::tables::{attendance, erasure};
use crate::domain::{Direction, Entry, Filter, Selection, StoredAmendment};
use crate::store::StoreError;

/// How many rows are fetched at once: enough that the round trip does not matter, in a few hundred
/// kilobytes.
const PORTION: usize = 1_000;

/// The entries of [`each_entry_and_amendment`] that stand: those without an amendment.
pub(super) fn each_entry(
    connection: &mut PgConnection,
    selection: &Selection,
    each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    each_entry_and_amendment(connection, selection, &mut |entry, amendment| match amendment {
        None => each(entry),
        Some(_) => Ok(()),
    })
}

/// One range query through a cursor: one snapshot of the day, and memory for a few portions of it.
/// The amendments of the day are few, and are read first: a join would cost a third of the speed.
/// The inner error is `each`'s own.
///
/// `LIMIT` with `OFFSET`, or with a key to continue from, would make the planner walk the primary
/// key from its start. libpq's single-row mode makes a result object for each row.
pub(super) fn each_entry_and_amendment(
    connection: &mut PgConnection,
    selection: &Selection,
    each: &mut dyn FnMut(Entry, Option<StoredAmendment>) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    connection.build_transaction().read_only().repeatable_read().run(|connection| {
        let mut amendments = last_amendments(connection, &selection.instants)?;
        declare(connection, selection)?;
        fetch(connection, &mut |entry| {
            let amendment = match amendments.is_empty() {
                true => None,
                false => amendments.remove(&entry.passage.entry_id),
            };
            each(entry, amendment)
        })
    })
}

/// The rows that have one of these ids, or a `login` at one of these moments.
pub(super) fn find(
    connection: &mut PgConnection,
    ids: &[Uuid],
    moments: &[DateTime<Utc>],
) -> QueryResult<Vec<OlderRow>> {
    let named = attendance::entry_id.eq_any(ids);
    let simultaneous = attendance::login.eq_any(moments);
    let query = attendance::table
        .left_join(erasure::table.on(erasure::entry_id.eq(attendance::entry_id)))
        .filter(named.or(simultaneous))
        .select((attendance::all_columns, erasure::change.nullable()));
    connection.build_transaction().read_only().run(|connection| {
        // Without statistics, as in a table that is being filled, the planner takes a moment for a
        // frequent value and reads the whole table.
        connection.batch_execute("SET LOCAL enable_seqscan = off")?;
        query.load(connection)
    })
}

/// Hands out the rows of the cursor.
fn fetch(
    connection: &mut PgConnection,
    each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    let first = FetchPortion.load::<Row>(connection)?;
    // Most sheets end here, and need no other thread.
    match first.len() < PORTION {
        true => Ok(hand_out(first, each)),
        false => each_further_entry(connection, first, each),
    }
}

/// Hands the `first` portion out, and all others, which two threads fetch in turn.
fn each_further_entry(
    connection: &mut PgConnection,
    first: Vec<Row>,
    each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> QueryResult<Result<(), StoreError>> {
    thread::scope(|scope| {
        let (to_one, ones_turn) = mpsc::channel();
        let (to_other, others_turn) = mpsc::channel();
        // It cannot fail: the receiver exists.
        let _ = to_one.send(connection);
        let fetchers = [(ones_turn, to_other), (others_turn, to_one)];
        let portions = fetchers.map(|(turn, next)| {
            let (sender, portions) = mpsc::sync_channel(1);
            scope.spawn(move || Fetcher { turn, next, portions: sender }.run());
            portions
        });
        // After an error the fetchers end, because nobody receives any more.
        let further = portions.iter().cycle().map_while(|fetched| fetched.recv().ok());
        for portion in std::iter::once(Ok(first)).chain(further) {
            if let Err(error) = hand_out(portion?, each) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    })
}

fn hand_out(
    rows: Vec<Row>,
    each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    rows.into_iter().map(entry).try_for_each(|row| each(row?))
}

/// Fetches every other portion. The connection goes to the other fetcher as soon as the rows have
/// arrived, so that PostgreSQL produces the next ones while these are decoded.
struct Fetcher<'c> {
    turn: mpsc::Receiver<&'c mut PgConnection>,
    next: mpsc::Sender<&'c mut PgConnection>,
    portions: mpsc::SyncSender<QueryResult<Vec<Row>>>,
}

impl Fetcher<'_> {
    /// Ends after the last portion, after an error, or when nobody receives any more.
    fn run(self) {
        while let Ok(connection) = self.turn.recv() {
            let rows = FetchPortion.load_iter::<Row, DefaultLoadingMode>(&mut *connection);
            let is_last = rows.as_ref().map_or(true, |rows| rows.len() < PORTION);
            if !is_last {
                // Fails if the other one has ended, after which nobody receives its rows.
                let _ = self.next.send(connection);
            }
            let portion = rows.and_then(Iterator::collect);
            if self.portions.send(portion).is_err() || is_last {
                return;
            }
        }
    }
}

/// Opens the cursor. Without a filter its statement has nothing of one, so that it costs nothing.
fn declare(connection: &mut PgConnection, selection: &Selection) -> QueryResult<usize> {
    let sheet = DeclareSheet(selection.instants.clone());
    match selection.filter.is_empty() {
        true => sheet.execute(connection),
        false => {
            DeclareFilteredSheet { sheet, filter: selection.filter.clone() }.execute(connection)
        }
    }
}

#[derive(QueryId)]
struct DeclareSheet(Range<DateTime<Utc>>);

impl DeclareSheet {
    /// The statement up to the order of its rows.
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "DECLARE sheet NO SCROLL CURSOR FOR \
             SELECT id, entry_id, login, received_at, lastname, firstname, gate, direction, \
             person_ref FROM attendance WHERE login >= ",
        );
        out.push_bind_param::<Timestamptz, _>(&self.0.start)?;
        out.push_sql(" AND login < ");
        out.push_bind_param::<Timestamptz, _>(&self.0.end)
    }
}

impl QueryFragment<Pg> for DeclareSheet {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.push(&mut out)?;
        out.push_sql(" ORDER BY id");
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for DeclareSheet {}

struct DeclareFilteredSheet {
    sheet: DeclareSheet,
    filter: Filter,
}

impl QueryFragment<Pg> for DeclareFilteredSheet {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.sheet.push(&mut out)?;
        if let Some(gate) = &self.filter.gate {
            out.push_sql(" AND gate = ");
            out.push_bind_param::<Text, str>(gate)?;
        }
        if let Some(direction) = self.filter.direction {
            // A constant of ours: in or out.
            out.push_sql(match direction {
                Direction::In => " AND direction = 'in'",
                Direction::Out => " AND direction = 'out'",
            });
        }
        if let Some(person_ref) = &self.filter.person_ref {
            out.push_sql(" AND person_ref = ");
            out.push_bind_param::<Text, str>(person_ref)?;
        }
        out.push_sql(" ORDER BY id");
        Ok(())
    }
}

/// Its text depends on the filter, so it is known by its text.
impl QueryId for DeclareFilteredSheet {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for DeclareFilteredSheet {}

/// The next rows of the cursor.
#[derive(QueryId)]
struct FetchPortion;

impl QueryFragment<Pg> for FetchPortion {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // A utility statement has no parameters; this is a constant.
        out.push_sql(&format!("FETCH FORWARD {PORTION} FROM sheet"));
        Ok(())
    }
}

impl Query for FetchPortion {
    type SqlType = attendance::SqlType;
}

impl RunQueryDsl<PgConnection> for FetchPortion {}
