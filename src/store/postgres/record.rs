use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::judge;
use super::sheet::{Row, entry};
use super::tables::attendance;
use crate::domain::{Entry, NewEntry};
use crate::store::{Held, Recorder, StoreError};

/// The connection that a writer records through.
pub(super) struct PostgresRecorder(PgConnection);

impl PostgresRecorder {
    /// `connection` must answer a commit only after it was flushed.
    pub(super) fn new(connection: PgConnection) -> Self {
        Self(connection)
    }
}

impl Recorder for PostgresRecorder {
    fn record(&mut self, batch: &[&NewEntry]) -> Result<Vec<Held>, StoreError> {
        let (inserted, rows) =
            insert(&mut self.0, batch).map_err(|error| judge(error, &mut self.0))?;
        let mut older = HashMap::with_capacity(rows.len());
        for row in rows {
            older.insert(row.1, entry(row)?);
        }
        // Somebody deleted the row between the two statements.
        let vanished =
            || StoreError::Unreachable("an entry vanished while it was read again".into());
        let held = batch.iter().map(|new| match inserted.get(&new.entry_id) {
            Some(&id) => Ok(Held { entry: Entry::stored(id, new), created: true }),
            None => older
                .remove(&new.entry_id)
                .map(|entry| Held { entry, created: false })
                .ok_or_else(vanished),
        });
        held.collect()
    }
}

/// The numbers of the rows that are new, by `entry_id`, and the rows that were there before.
fn insert(
    connection: &mut PgConnection,
    batch: &[&NewEntry],
) -> QueryResult<(HashMap<Uuid, i64>, Vec<Row>)> {
    // One statement outside of a transaction is a transaction of its own: one round trip.
    let inserted: HashMap<_, _> =
        InsertBatch::of(batch).load::<(Uuid, i64)>(connection)?.into_iter().collect();
    if inserted.len() == batch.len() {
        return Ok((inserted, Vec::new()));
    }
    let ids = batch.iter().map(|new| new.entry_id).filter(|id| !inserted.contains_key(id));
    let rows = attendance::table
        .filter(attendance::entry_id.eq_any(ids.collect::<Vec<_>>()))
        .load::<Row>(connection)?;
    Ok((inserted, rows))
}

/// A batch of any size as one statement of a fixed text, which stays prepared; Diesel's own batch
/// insert has another text for each size and is prepared anew every time.
///
/// A row whose `entry_id` is there already is left out of what is returned. One that another
/// transaction is just inserting is waited for.
struct InsertBatch<'a> {
    entry_ids: Vec<Uuid>,
    logins: Vec<DateTime<Utc>>,
    received_ats: Vec<DateTime<Utc>>,
    lastnames: Vec<&'a str>,
    firstnames: Vec<&'a str>,
    gates: Vec<Option<&'a str>>,
}

impl<'a> InsertBatch<'a> {
    fn of(batch: &[&'a NewEntry]) -> Self {
        Self {
            entry_ids: batch.iter().map(|new| new.entry_id).collect(),
            logins: batch.iter().map(|new| new.login).collect(),
            received_ats: batch.iter().map(|new| new.received_at).collect(),
            lastnames: batch.iter().map(|new| &*new.lastname).collect(),
            firstnames: batch.iter().map(|new| &*new.firstname).collect(),
            gates: batch.iter().map(|new| new.gate.as_deref()).collect(),
        }
    }
}

impl QueryFragment<Pg> for InsertBatch<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate) \
             SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.entry_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.logins)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.received_ats)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.lastnames)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.firstnames)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.gates)?;
        out.push_sql(") ON CONFLICT (entry_id) DO NOTHING RETURNING entry_id, id");
        Ok(())
    }
}

impl QueryId for InsertBatch<'_> {
    type QueryId = InsertBatch<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for InsertBatch<'_> {
    type SqlType = (SqlUuid, BigInt);
}

impl RunQueryDsl<PgConnection> for InsertBatch<'_> {}
