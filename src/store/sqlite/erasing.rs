use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Integer;
use diesel::sqlite::SqliteConnection;
use uuid::Uuid;

use super::amendments::{chain, next_number};
use super::classify::classify;
use super::session;
use super::store::SqliteStore;
use super::tables::{amendment, attendance, erasure};
use crate::domain::{ERASED, ErasureScope};
use crate::store::{Erasable, Eraser, Erasing, StoreError};

/// An entry's id, `entry_id` and `login`.
type Row = (i64, String, i64);

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

struct SqliteEraser(SqliteConnection);

impl Erasing for SqliteStore {
    /// Whoever may write to the file owns it.
    fn eraser(&self) -> Result<Box<dyn Eraser>, StoreError> {
        Ok(Box::new(SqliteEraser(session::open(self.file(), self.timeout())?)))
    }
}

impl Eraser for SqliteEraser {
    fn find(
        &mut self,
        scope: &ErasureScope,
        after: i64,
        limit: u16,
    ) -> Result<Vec<Erasable>, StoreError> {
        let erasures = erasure::table.filter(erasure::entry_id.eq(attendance::entry_id));
        let query = attendance::table
            .filter(attendance::id.gt(after))
            .filter(not(exists(erasures)))
            .order(attendance::id)
            .limit(limit.into())
            .select((attendance::id, attendance::entry_id, attendance::login))
            .into_boxed();
        let query = match scope {
            ErasureScope::Before(moment) => {
                query.filter(attendance::login.lt(moment.timestamp_micros()))
            }
            ErasureScope::PersonRef(badge) => query.filter(attendance::person_ref.eq(&**badge)),
            ErasureScope::Names { firstname, lastname } => query
                .filter(attendance::firstname.eq(&**firstname))
                .filter(attendance::lastname.eq(&**lastname)),
        };
        let rows = query.load::<Row>(&mut self.0);
        let rows = rows.map_err(|error| classify(error, &mut self.0))?;
        rows.into_iter().map(erasable).collect()
    }

    fn chains(&mut self, entries: &[Uuid]) -> Result<Vec<Erasable>, StoreError> {
        // A deferred transaction reads one snapshot.
        let rows = self.0.transaction(|connection| chains(connection, entries));
        let rows = rows.map_err(|error| classify(error, &mut self.0))?;
        rows.into_iter().map(erasable).collect()
    }

    fn erase(&mut self, entries: &[Uuid], at: DateTime<Utc>) -> Result<Vec<Erasable>, StoreError> {
        let erased = self.0.immediate_transaction(|connection| {
            let chains = chains(connection, entries)?;
            for (_, entry_id, _) in &chains {
                diesel::update(attendance::table.filter(attendance::entry_id.eq(entry_id)))
                    .set((
                        attendance::firstname.eq(ERASED),
                        attendance::lastname.eq(ERASED),
                        attendance::person_ref.eq(None::<&str>),
                    ))
                    .execute(connection)?;
                diesel::update(amendment::table.filter(amendment::entry_id.eq(entry_id)))
                    .set(amendment::reason.eq(ERASED))
                    .execute(connection)?;
                diesel::insert_into(erasure::table)
                    .values((
                        erasure::change.eq(next_number(connection)?),
                        erasure::entry_id.eq(entry_id),
                        erasure::erased_at.eq(at.timestamp_micros()),
                    ))
                    .execute(connection)?;
            }
            Ok(chains)
        });
        let erased = erased.map_err(|error| classify(error, &mut self.0))?;
        erased.into_iter().map(erasable).collect()
    }

    /// The file is written anew. Then the write-ahead log, which has the old pages, is emptied.
    fn clean_up(&mut self) -> Result<(), StoreError> {
        let connection = &mut self.0;
        let checkpoint = connection.batch_execute("VACUUM").and_then(|()| {
            sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Checkpoint>(connection)
        });
        match checkpoint.map_err(|error| classify(error, &mut self.0))? {
            Checkpoint { busy: 0 } => Ok(()),
            _ => Err(StoreError::unreachable(
                "a long read keeps the write-ahead log, in which old names are left; \
                 run the command again",
            )),
        }
    }
}

/// Inside a transaction.
fn chains(connection: &mut SqliteConnection, entries: &[Uuid]) -> QueryResult<Vec<Row>> {
    let mut rows = BTreeMap::new();
    for entry in entries {
        let ids = chain(connection, *entry)?;
        let erasures = erasure::table.filter(erasure::entry_id.eq(attendance::entry_id));
        let found = attendance::table
            .filter(attendance::entry_id.eq_any(ids))
            .filter(not(exists(erasures)))
            .select((attendance::id, attendance::entry_id, attendance::login))
            .load::<Row>(connection)?;
        rows.extend(found.into_iter().map(|row| (row.0, row)));
    }
    Ok(rows.into_values().collect())
}

fn erasable((id, entry_id, login): Row) -> Result<Erasable, StoreError> {
    let invalid = || StoreError::defect(format!("the row with id {id} is invalid"));
    Ok(Erasable {
        id,
        entry_id: Uuid::try_parse(&entry_id).map_err(|_| invalid())?,
        login: DateTime::from_timestamp_micros(login).ok_or_else(invalid)?,
    })
}
