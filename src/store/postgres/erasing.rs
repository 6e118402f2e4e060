use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::dsl::{exists, not};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Text as SqlText, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::classify::classify;
use super::session;
use super::store::PostgresStore;
use super::tables::{amendment, attendance, erasure};
use crate::domain::{ERASED, ErasureScope};
use crate::store::{Erasable, Eraser, Erasing, StoreError};

/// The entries of the chains of `$1` that are not erased.
const CHAINS: &str = "WITH RECURSIVE chain (entry_id) AS (SELECT unnest($1) UNION \
     SELECT CASE WHEN step.entry_id = chain.entry_id THEN step.replacement ELSE step.entry_id END \
     FROM chain JOIN amendment step \
     ON step.entry_id = chain.entry_id OR step.replacement = chain.entry_id \
     WHERE step.replacement IS NOT NULL) \
     SELECT id, entry_id, login FROM attendance WHERE entry_id IN (SELECT entry_id FROM chain) \
     AND NOT EXISTS (SELECT FROM erasure WHERE erasure.entry_id = attendance.entry_id) ORDER BY id";

/// Amendments that are being stored end before this lock is granted, and later ones wait for it. Each
/// of them then sees the erasure and stores nothing, because an INSERT takes its locks before its
/// snapshot. Of two transactions that erase, one waits. Entries can be recorded meanwhile.
const LOCK: &str = "LOCK TABLE amendment IN SHARE ROW EXCLUSIVE MODE";

const STORE_ERASURES: &str =
    "INSERT INTO erasure (entry_id, erased_at) SELECT entry_id, $2 FROM unnest($1) AS entry_id";

const OWNERSHIP: &str = "SELECT pg_get_userbyid(relowner)::text AS owner, current_user::text AS role, \
     pg_has_role(relowner, 'USAGE') AS is_owner FROM pg_class WHERE oid = 'attendance'::regclass";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = SqlUuid)]
    entry_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    login: DateTime<Utc>,
}

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
            ErasureScope::Before(moment) => query.filter(attendance::login.lt(moment)),
            ErasureScope::PersonRef(badge) => query.filter(attendance::person_ref.eq(&**badge)),
            ErasureScope::Names { firstname, lastname } => query
                .filter(attendance::firstname.eq(&**firstname))
                .filter(attendance::lastname.eq(&**lastname)),
        };
        let rows = query.load::<(i64, Uuid, DateTime<Utc>)>(&mut self.0);
        let rows = rows.map_err(|error| classify(error, &mut self.0))?;
        Ok(rows.into_iter().map(|(id, entry_id, login)| Erasable { id, entry_id, login }).collect())
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
    let rows =
        sql_query(CHAINS).bind::<Array<SqlUuid>, _>(entries).load::<Row>(connection)?.into_iter();
    Ok(rows.map(|Row { id, entry_id, login }| Erasable { id, entry_id, login }).collect())
}
