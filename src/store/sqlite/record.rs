use chrono::DateTime;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use uuid::Uuid;

use super::judge;
use super::tables::attendance;
use crate::domain::{Entry, NewEntry};
use crate::store::{Held, Recorder, StoreError};

/// A row of `attendance`, in the order of its columns.
pub(super) type Row = (i64, String, i64, i64, String, String, Option<String>);

/// The connection that a writer records through.
pub(super) struct SqliteRecorder(SqliteConnection);

impl SqliteRecorder {
    /// `connection` must flush every commit.
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self(connection)
    }
}

impl Recorder for SqliteRecorder {
    fn record(&mut self, batch: &[&NewEntry]) -> Result<Vec<Held>, StoreError> {
        // IMMEDIATE takes the write lock at once: a lock that is upgraded later cannot be waited for.
        let rows = self.0.immediate_transaction(|connection| {
            batch.iter().map(|new| record_one(connection, new)).collect::<QueryResult<Vec<_>>>()
        });
        let rows = rows.map_err(|error| judge(error, &mut self.0))?;
        let held = rows.into_iter().zip(batch).map(|(row, new)| match row {
            Ok(id) => Ok(Held { entry: Entry::stored(id, new), created: true }),
            Err(older) => Ok(Held { entry: entry(older)?, created: false }),
        });
        held.collect()
    }
}

/// The new row's id, or the older row that has this `entry_id`.
fn record_one(connection: &mut SqliteConnection, new: &NewEntry) -> QueryResult<Result<i64, Row>> {
    let entry_id = new.entry_id.to_string();
    let inserted = diesel::insert_into(attendance::table)
        .values((
            attendance::entry_id.eq(&entry_id),
            attendance::login.eq(new.login.timestamp_micros()),
            attendance::received_at.eq(new.received_at.timestamp_micros()),
            attendance::lastname.eq(&*new.lastname),
            attendance::firstname.eq(&*new.firstname),
            attendance::gate.eq(new.gate.as_deref()),
        ))
        .on_conflict(attendance::entry_id)
        .do_nothing()
        .returning(attendance::id)
        .get_result(connection)
        .optional()?;
    match inserted {
        Some(id) => Ok(Ok(id)),
        None => attendance::table
            .filter(attendance::entry_id.eq(&entry_id))
            .get_result(connection)
            .map(Err),
    }
}

/// Reads a row; whatever cannot be read was not written by us.
pub(super) fn entry(row: Row) -> Result<Entry, StoreError> {
    let (id, entry_id, login, received_at, lastname, firstname, gate) = row;
    let unreadable = || StoreError::Defect(format!("the row with id {id} cannot be read"));
    Ok(Entry {
        id,
        entry_id: Uuid::try_parse(&entry_id).map_err(|_| unreadable())?,
        login: DateTime::from_timestamp_micros(login).ok_or_else(unreadable)?,
        received_at: DateTime::from_timestamp_micros(received_at).ok_or_else(unreadable)?,
        firstname,
        lastname,
        gate,
    })
}
