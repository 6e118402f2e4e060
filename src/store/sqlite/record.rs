use std::fs::File;

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sqlite::SqliteConnection;

use super::classify::classify;
use super::row::{OlderRow, older};
use super::tables::{attendance, erasure};
use super::types::{At, Id};
use super::{amendments, contacts};
use crate::domain::{Amendment, GateContact, Passage};
use crate::store::rehearsal::rehearsal;
use crate::store::{Amended, Recorder, StoreError, Stored};

/// The connection of a writer.
pub(super) struct SqliteRecorder {
    connection: SqliteConnection,
    /// Held until the recorder is dropped.
    _lock: Option<File>,
}

impl SqliteRecorder {
    /// `connection` must flush every commit.
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self { connection, _lock: None }
    }

    /// The same with a file whose lock is held for as long as the recorder lives.
    pub(super) fn holding(connection: SqliteConnection, lock: File) -> Self {
        Self { connection, _lock: Some(lock) }
    }
}

impl Recorder for SqliteRecorder {
    fn record(&mut self, batch: &[&Passage]) -> Result<Vec<Stored>, StoreError> {
        // IMMEDIATE takes the write lock at once. Upgrading a read lock later does not wait, but fails.
        let rows = self.connection.immediate_transaction(|connection| {
            batch
                .iter()
                .map(|passage| record_one(connection, passage))
                .collect::<QueryResult<Vec<_>>>()
        });
        let rows = rows.map_err(|error| classify(error, &mut self.connection))?;
        let stored = rows.into_iter().map(|found| match found {
            Found::New(id) => Ok(Stored::Created(id)),
            Found::Older(row) => older(row),
        });
        stored.collect()
    }

    fn rehearse(&mut self) -> Result<(), StoreError> {
        let passage = rehearsal();
        let rehearsed = self.connection.immediate_transaction(|connection| {
            record_one(connection, &passage)?;
            Err::<(), _>(DieselError::RollbackTransaction)
        });
        match rehearsed {
            Err(DieselError::RollbackTransaction) => Ok(()),
            rehearsed => rehearsed.map_err(|error| classify(error, &mut self.connection)),
        }
    }

    fn amend(
        &mut self,
        amendment: &Amendment,
        replacement: Option<&Passage>,
    ) -> Result<Option<Amended>, StoreError> {
        let amended = self.connection.immediate_transaction(|connection| {
            let replacement = match replacement.map(|passage| record_one(connection, passage)) {
                None => None,
                Some(found) => match found? {
                    Found::New(id) => Some(id),
                    Found::Older(_) => return Ok(None),
                },
            };
            match amendments::insert(connection, amendment)? {
                Some(change) => Ok(Some(Amended { change, replacement })),
                // Also takes the replacement back.
                None => Err(DieselError::RollbackTransaction),
            }
        });
        match amended {
            Err(DieselError::RollbackTransaction) => Ok(None),
            amended => amended.map_err(|error| classify(error, &mut self.connection)),
        }
    }

    fn note_contacts(&mut self, contacts: &[&GateContact]) -> Result<(), StoreError> {
        let noted = self.connection.immediate_transaction(|connection| {
            contacts.iter().try_for_each(|contact| contacts::note_contact(connection, contact))
        });
        noted.map_err(|error| classify(error, &mut self.connection))
    }
}

/// What is stored under an `entry_id`.
enum Found {
    /// The id of the row that was inserted now.
    New(i64),
    Older(OlderRow),
}

fn record_one(connection: &mut SqliteConnection, passage: &Passage) -> QueryResult<Found> {
    let inserted = diesel::insert_into(attendance::table)
        .values((
            attendance::entry_id.eq(Id(passage.entry_id)),
            attendance::login.eq(At(passage.login)),
            attendance::received_at.eq(At(passage.received_at)),
            attendance::lastname.eq(&*passage.lastname),
            attendance::firstname.eq(&*passage.firstname),
            attendance::gate.eq(passage.gate.as_deref()),
            attendance::direction.eq(passage.direction.as_str()),
            attendance::person_ref.eq(passage.person_ref.as_deref()),
        ))
        .on_conflict(attendance::entry_id)
        .do_nothing()
        .returning(attendance::id)
        .get_result(connection)
        .optional()?;
    match inserted {
        Some(id) => Ok(Found::New(id)),
        None => attendance::table
            .left_join(erasure::table.on(erasure::entry_id.eq(attendance::entry_id)))
            .filter(attendance::entry_id.eq(Id(passage.entry_id)))
            .select((attendance::all_columns, erasure::change.nullable()))
            .get_result(connection)
            .map(Found::Older),
    }
}
