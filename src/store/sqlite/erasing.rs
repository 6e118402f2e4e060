use std::ops::Range;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::dsl::{exists, max, not};
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Text as SqlText};
use diesel::sqlite::SqliteConnection;
use uuid::Uuid;

use super::classify::classify;
use super::session;
use super::store::SqliteStore;
use super::tables::{attendance, erasure, sqlite_sequence};
use super::types::{At, Moment, UuidText};
use crate::domain::{ERASED, ErasureScope};
use crate::store::{Erasable, Eraser, Erasing, StoreError};

/// The entries of the chains of a JSON array of `entry_id`s that are not erased.
const CHAINS: &str = "WITH RECURSIVE chain (entry_id) AS (SELECT value FROM json_each(?) UNION \
     SELECT CASE WHEN step.entry_id = chain.entry_id THEN step.replacement ELSE step.entry_id END \
     FROM chain JOIN amendment step \
     ON step.entry_id = chain.entry_id OR step.replacement = chain.entry_id \
     WHERE step.replacement IS NOT NULL) \
     SELECT id, entry_id, login FROM attendance WHERE entry_id IN (SELECT entry_id FROM chain) \
     AND NOT EXISTS (SELECT 1 FROM erasure WHERE erasure.entry_id = attendance.entry_id) \
     ORDER BY id";

const ERASE_ENTRIES: &str = "UPDATE attendance SET firstname = ?1, lastname = ?1, person_ref = NULL \
     WHERE entry_id IN (SELECT value FROM json_each(?2))";

const ERASE_REASONS: &str = "UPDATE amendment SET reason = ?1 \
     WHERE entry_id IN (SELECT value FROM json_each(?2))";

/// The numbers follow the first parameter in the order of the array.
const STORE_ERASURES: &str = "INSERT INTO erasure (change, entry_id, erased_at) \
     SELECT ?1 + key + 1, value, ?2 FROM json_each(?3) ORDER BY key";

#[derive(Queryable, QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = UuidText)]
    entry_id: Uuid,
    #[diesel(sql_type = Moment)]
    login: DateTime<Utc>,
}

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
    fn last_id(&mut self) -> Result<i64, StoreError> {
        let last =
            attendance::table.select(max(attendance::id)).get_result::<Option<i64>>(&mut self.0);
        Ok(last.map_err(|error| classify(error, &mut self.0))?.unwrap_or(0))
    }

    fn find(&mut self, scope: &ErasureScope, ids: Range<i64>) -> Result<Vec<Erasable>, StoreError> {
        let erasures = erasure::table.filter(erasure::entry_id.eq(attendance::entry_id));
        let query = attendance::table
            .filter(attendance::id.ge(ids.start).and(attendance::id.lt(ids.end)))
            .filter(not(exists(erasures)))
            .order(attendance::id)
            .select((attendance::id, attendance::entry_id, attendance::login))
            .into_boxed();
        let query = match scope {
            ErasureScope::Before(moment) => query.filter(attendance::login.lt(At(*moment))),
            ErasureScope::PersonRef(badge) => query.filter(attendance::person_ref.eq(&**badge)),
            ErasureScope::Names { firstname, lastname } => query
                .filter(attendance::firstname.eq(&**firstname))
                .filter(attendance::lastname.eq(&**lastname)),
        };
        let rows = query.load::<Row>(&mut self.0);
        let rows = rows.map_err(|error| classify(error, &mut self.0))?;
        Ok(rows.into_iter().map(erasable).collect())
    }

    fn chains(&mut self, entries: &[Uuid]) -> Result<Vec<Erasable>, StoreError> {
        let rows = chains(&mut self.0, entries).map_err(|error| classify(error, &mut self.0))?;
        Ok(rows.into_iter().map(erasable).collect())
    }

    fn erase(&mut self, entries: &[Uuid], at: DateTime<Utc>) -> Result<Vec<Erasable>, StoreError> {
        let erased = self.0.immediate_transaction(|connection| {
            let chains = chains(connection, entries)?;
            let ids = json(chains.iter().map(|row| &row.entry_id))?;
            for statement in [ERASE_ENTRIES, ERASE_REASONS] {
                let statement = sql_query(statement).bind::<SqlText, _>(ERASED);
                statement.bind::<SqlText, _>(&ids).execute(connection)?;
            }
            sql_query(STORE_ERASURES)
                .bind::<BigInt, _>(draw_numbers(connection, chains.len())?)
                .bind::<Moment, _>(At(at))
                .bind::<SqlText, _>(&ids)
                .execute(connection)?;
            Ok(chains)
        });
        let erased = erased.map_err(|error| classify(error, &mut self.0))?;
        Ok(erased.into_iter().map(erasable).collect())
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

fn chains(connection: &mut SqliteConnection, entries: &[Uuid]) -> QueryResult<Vec<Row>> {
    sql_query(CHAINS).bind::<SqlText, _>(json(entries)?).load(connection)
}

/// Draws as many numbers from the sequence of the entries' ids, and returns the one before them.
fn draw_numbers(connection: &mut SqliteConnection, count: usize) -> QueryResult<i64> {
    let count =
        i64::try_from(count).map_err(|error| DieselError::QueryBuilderError(error.into()))?;
    diesel::update(sqlite_sequence::table.filter(sqlite_sequence::name.eq("attendance")))
        .set(sqlite_sequence::seq.eq(sqlite_sequence::seq + count))
        .returning(sqlite_sequence::seq - count)
        .get_result(connection)
}

/// An array as the one parameter of a statement with a fixed text.
fn json(ids: impl IntoIterator<Item = impl ToString>) -> QueryResult<String> {
    let ids: Vec<_> = ids.into_iter().map(|id| id.to_string()).collect();
    serde_json::to_string(&ids).map_err(|error| DieselError::QueryBuilderError(error.into()))
}

fn erasable(Row { id, entry_id, login }: Row) -> Erasable {
    Erasable { id, entry_id, login }
}
