use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::classify::classify;
use super::row::{OlderRow, older};
use super::tables::{attendance, erasure};
use super::{amendments, contacts};
use crate::domain::{Amendment, GateContact, Passage};
use crate::store::rehearsal::rehearsal;
use crate::store::{Amended, Recorder, StoreError, Stored};

/// The connection of a writer.
pub(super) struct PostgresRecorder(PgConnection);

impl PostgresRecorder {
    /// `connection` must flush each commit before it acknowledges it.
    pub(super) fn new(connection: PgConnection) -> Self {
        Self(connection)
    }
}

impl Recorder for PostgresRecorder {
    fn record(&mut self, batch: &[&Passage]) -> Result<Vec<Stored>, StoreError> {
        let (inserted, rows) =
            insert(&mut self.0, batch).map_err(|error| classify(error, &mut self.0))?;
        let mut before = HashMap::with_capacity(rows.len());
        for (row, erasure) in rows {
            before.insert(row.1, older((row, erasure))?);
        }
        let stored = batch.iter().map(|passage| match inserted.get(&passage.entry_id) {
            Some(&id) => Ok(Stored::Created(id)),
            // It is missing if the row was deleted between the two statements.
            None => before
                .remove(&passage.entry_id)
                .ok_or_else(|| StoreError::unreachable("an entry disappeared while it was read")),
        });
        stored.collect()
    }

    fn rehearse(&mut self) -> Result<(), StoreError> {
        let passage = rehearsal();
        let rehearsed = self.0.transaction(|connection| {
            InsertBatch::of(&[&passage]).load::<(Uuid, i64)>(connection)?;
            Err::<(), _>(DieselError::RollbackTransaction)
        });
        match rehearsed {
            Err(DieselError::RollbackTransaction) => Ok(()),
            rehearsed => rehearsed.map_err(|error| classify(error, &mut self.0)),
        }
    }

    fn amend(
        &mut self,
        amendment: &Amendment,
        replacement: Option<&Passage>,
    ) -> Result<Option<Amended>, StoreError> {
        amendments::amend(&mut self.0, amendment, replacement)
            .map_err(|error| classify(error, &mut self.0))
    }

    fn note_contacts(&mut self, contacts: &[&GateContact]) -> Result<(), StoreError> {
        contacts::note_contacts(&mut self.0, contacts).map_err(|error| classify(error, &mut self.0))
    }
}

/// The ids of the new rows, by `entry_id`, and the rows that were stored before.
fn insert(
    connection: &mut PgConnection,
    batch: &[&Passage],
) -> QueryResult<(HashMap<Uuid, i64>, Vec<OlderRow>)> {
    // A statement outside of a transaction is a transaction of its own: one round trip.
    let inserted: HashMap<_, _> =
        InsertBatch::of(batch).load::<(Uuid, i64)>(connection)?.into_iter().collect();
    if inserted.len() == batch.len() {
        return Ok((inserted, Vec::new()));
    }
    let ids = batch.iter().map(|passage| passage.entry_id).filter(|id| !inserted.contains_key(id));
    let rows = attendance::table
        .left_join(erasure::table.on(erasure::entry_id.eq(attendance::entry_id)))
        .filter(attendance::entry_id.eq_any(ids.collect::<Vec<_>>()))
        .select((attendance::all_columns, erasure::change.nullable()))
        .load::<OlderRow>(connection)?;
    Ok((inserted, rows))
}

/// A batch of any size as one statement with a fixed text, which stays prepared. Diesel's own batch
/// insert has a different text for each size and is prepared every time.
///
/// A row whose `entry_id` is stored already is not returned. If another transaction is inserting
/// it, the statement waits for that.
struct InsertBatch<'a> {
    entry_ids: Vec<Uuid>,
    logins: Vec<DateTime<Utc>>,
    received_ats: Vec<DateTime<Utc>>,
    lastnames: Vec<&'a str>,
    firstnames: Vec<&'a str>,
    gates: Vec<Option<&'a str>>,
    directions: Vec<&'static str>,
    person_refs: Vec<Option<&'a str>>,
}

impl<'a> InsertBatch<'a> {
    fn of(batch: &[&'a Passage]) -> Self {
        Self {
            entry_ids: batch.iter().map(|passage| passage.entry_id).collect(),
            logins: batch.iter().map(|passage| passage.login).collect(),
            received_ats: batch.iter().map(|passage| passage.received_at).collect(),
            lastnames: batch.iter().map(|passage| &*passage.lastname).collect(),
            firstnames: batch.iter().map(|passage| &*passage.firstname).collect(),
            gates: batch.iter().map(|passage| passage.gate.as_deref()).collect(),
            directions: batch.iter().map(|passage| passage.direction.as_str()).collect(),
            person_refs: batch.iter().map(|passage| passage.person_ref.as_deref()).collect(),
        }
    }
}

impl QueryFragment<Pg> for InsertBatch<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate, \
             direction, person_ref) SELECT * FROM unnest(",
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
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.directions)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.person_refs)?;
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
