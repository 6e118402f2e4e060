use std::ops::Range;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::dsl::{exists, max, not};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Bool, Text as SqlText, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::amendments::chain;
use super::classify::classify;
use super::session;
use super::store::PostgresStore;
use super::tables::{amendment, attendance, erasure};
use crate::domain::{ERASED, ErasureScope};
use crate::store::{Erasable, Eraser, Erasing, StoreError};

/// Amendments that are being stored end before this lock is granted, and later ones wait for it. Each
/// of them then sees the erasure and stores nothing, because an INSERT takes its locks before its
/// snapshot. Of two transactions that erase, one waits. Entries can be recorded meanwhile.
const LOCK: &str = "LOCK TABLE amendment IN SHARE ROW EXCLUSIVE MODE";

const STORE_ERASURES: &str =
    "INSERT INTO erasure (entry_id, erased_at) SELECT entry_id, $2 FROM unnest($1) AS entry_id";

const OWNERSHIP: &str = "SELECT pg_get_userbyid(relowner)::text AS owner, current_user::text AS role, \
     pg_has_role(relowner, 'USAGE') AS is_owner FROM pg_class WHERE oid = 'attendance'::regclass";

/// An entry's id, `entry_id` and `login`.
type Row = (i64, Uuid, DateTime<Utc>);

#[derive(QueryableByName)]
struct Ownership {
    #[diesel(sql_type = SqlText)]
    owner: String,
    #[diesel(sql_type = SqlText)]
    role: String,
    #[diesel(sql_type = Bool)]
    is_owner: bool,
}

struct PostgresEraser(PgConnection);

impl Erasing for PostgresStore {
    fn eraser(&self) -> Result<Box<dyn Eraser>, StoreError> {
        let mut connection = session::open_for_erasing(self.target(), self.timeout())?;
        let Ownership { owner, role, is_owner } = sql_query(OWNERSHIP)
            .get_result(&mut connection)
            .map_err(|error| classify(error, &mut connection))?;
        match is_owner {
            true => Ok(Box::new(PostgresEraser(connection))),
            false => Err(StoreError::refused(format!(
                "only the owner of the tables may erase: connect as {owner} instead of {role}"
            ))),
        }
    }
}

impl Eraser for PostgresEraser {
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
            ErasureScope::Before(moment) => query.filter(attendance::login.lt(moment)),
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
        chains(&mut self.0, entries).map_err(|error| classify(error, &mut self.0))
    }

    fn erase(&mut self, entries: &[Uuid], at: DateTime<Utc>) -> Result<Vec<Erasable>, StoreError> {
        let erased = self.0.build_transaction().read_committed().run(|connection| {
            connection.batch_execute(LOCK)?;
            let chains = chains(connection, entries)?;
            let ids: Vec<_> = chains.iter().map(|entry| entry.entry_id).collect();
            diesel::update(attendance::table.filter(attendance::entry_id.eq_any(&ids)))
                .set((
                    attendance::firstname.eq(ERASED),
                    attendance::lastname.eq(ERASED),
                    attendance::person_ref.eq(None::<&str>),
                ))
                .execute(connection)?;
            diesel::update(amendment::table.filter(amendment::entry_id.eq_any(&ids)))
                .set(amendment::reason.eq(ERASED))
                .execute(connection)?;
            sql_query(STORE_ERASURES)
                .bind::<Array<SqlUuid>, _>(&ids)
                .bind::<Timestamptz, _>(at)
                .execute(connection)?;
            Ok(chains)
        });
        erased.map_err(|error| classify(error, &mut self.0))
    }

    /// The planner's statistics have frequent values of each column, names included.
    fn clean_up(&mut self) -> Result<(), StoreError> {
        // Waiting for another VACUUM holds nobody up.
        let cleaned = self
            .0
            .batch_execute("SET lock_timeout = 0")
            .and_then(|()| self.0.batch_execute("VACUUM (ANALYZE) attendance, amendment"));
        cleaned.map_err(|error| classify(error, &mut self.0))
    }
}

fn chains(connection: &mut PgConnection, entries: &[Uuid]) -> QueryResult<Vec<Erasable>> {
    let erasures = erasure::table.filter(erasure::entry_id.eq(attendance::entry_id));
    let rows = attendance::table
        .filter(attendance::entry_id.eq_any(chain(connection, entries)?))
        .filter(not(exists(erasures)))
        .order(attendance::id)
        .select((attendance::id, attendance::entry_id, attendance::login))
        .load::<Row>(connection)?;
    Ok(rows.into_iter().map(erasable).collect())
}

fn erasable((id, entry_id, login): Row) -> Erasable {
    Erasable { id, entry_id, login }
}
