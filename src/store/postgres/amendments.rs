use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_query;
use diesel::sql_types::{
    Array, BigInt, Nullable, SmallInt, Text as SqlText, Timestamptz, Uuid as SqlUuid,
};
use uuid::Uuid;

use super::row::{Row, entry};
use super::tables::{amendment, attendance, erasure};
use crate::domain::{Amendment, Passage, StoredAmendment, Trail};
use crate::store::rows::{self, AmendmentRow, ErasureRow};
use crate::store::{Amended, StoreError};

/// The entries of the chains that those in `$1` are in. Both directions are looked up by an index for
/// each entry, whatever the planner knows of the tables.
const CHAIN: &str = "WITH RECURSIVE chain (entry_id) AS (SELECT unnest($1) UNION \
     SELECT next.entry_id FROM chain, LATERAL (\
     SELECT step.replacement AS entry_id FROM amendment step \
     WHERE step.entry_id = chain.entry_id AND step.replacement IS NOT NULL \
     UNION ALL \
     SELECT step.entry_id FROM amendment step WHERE step.replacement = chain.entry_id\
     ) AS next) SELECT entry_id FROM chain";

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = SqlUuid)]
    entry_id: Uuid,
}

/// The `entry_id`s of the chains that `entries` are in, their own included.
pub(super) fn chain(connection: &mut PgConnection, entries: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    let links = sql_query(CHAIN).bind::<Array<SqlUuid>, _>(entries).load::<Link>(connection)?;
    Ok(links.into_iter().map(|link| link.entry_id).collect())
}

/// The inner error is a row that cannot be read.
pub(super) fn trail(
    connection: &mut PgConnection,
    entry_id: Uuid,
) -> QueryResult<Result<Option<Trail>, StoreError>> {
    let mut snapshot = connection.build_transaction().read_only().repeatable_read();
    let (entries, amendments, erasures) = snapshot.run(|connection| {
        let ids = chain(connection, &[entry_id])?;
        let entries =
            attendance::table.filter(attendance::entry_id.eq_any(&ids)).load::<Row>(connection)?;
        let amendments = amendment::table
            .filter(amendment::entry_id.eq_any(&ids))
            .load::<AmendmentRow>(connection)?;
        let erasures =
            erasure::table.filter(erasure::entry_id.eq_any(&ids)).load::<ErasureRow>(connection)?;
        QueryResult::Ok((entries, amendments, erasures))
    })?;
    let entries = entries.into_iter().map(entry).collect::<Result<Vec<_>, _>>();
    let amendments = amendments.into_iter().map(rows::amendment).collect();
    let erasures = erasures.into_iter().map(rows::erasure).collect();
    Ok(entries.map(|entries| Trail::new(entry_id, entries, amendments, erasures)))
}

/// The last amendment of each entry whose `login` lies in `instants`, by `entry_id`.
pub(super) fn last_amendments(
    connection: &mut PgConnection,
    instants: &Range<DateTime<Utc>>,
) -> QueryResult<HashMap<Uuid, StoredAmendment>> {
    let rows = amendment::table
        .inner_join(attendance::table.on(attendance::entry_id.eq(amendment::entry_id)))
        .filter(attendance::login.ge(instants.start).and(attendance::login.lt(instants.end)))
        .order(amendment::number)
        .select(amendment::all_columns)
        .load::<AmendmentRow>(connection)?;
    Ok(rows
        .into_iter()
        .map(rows::amendment)
        .map(|stored| (stored.amendment.entry_id, stored))
        .collect())
}

/// `None` if the number or the replacement's `entry_id` is taken, or the entry is erased.
pub(super) fn amend(
    connection: &mut PgConnection,
    amendment: &Amendment,
    replacement: Option<&Passage>,
) -> QueryResult<Option<Amended>> {
    let stored = match replacement {
        Some(replacement) => replace(connection, amendment, replacement),
        None => insert(connection, amendment),
    };
    match stored {
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(None),
        stored => stored,
    }
}

/// An amendment without a new entry. An erased entry gets none: see the lock of `erasing.rs`.
///
/// What is read of tables stands apart here and in [`REPLACE`]: together with the INSERT, Citus would
/// let a worker draw the number.
const INSERT: &str = "WITH erased AS MATERIALIZED (SELECT entry_id FROM erasure WHERE entry_id = $1) \
     INSERT INTO amendment (entry_id, number, replacement, reason, made_by, made_at) \
     SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT FROM erased) RETURNING change";

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    change: i64,
}

fn insert(connection: &mut PgConnection, amendment: &Amendment) -> QueryResult<Option<Amended>> {
    let stored = sql_query(INSERT)
        .bind::<SqlUuid, _>(amendment.entry_id)
        .bind::<SmallInt, _>(amendment.number)
        .bind::<Nullable<SqlUuid>, _>(amendment.replacement)
        .bind::<SqlText, _>(&*amendment.reason)
        .bind::<Nullable<SqlText>, _>(amendment.by.as_deref())
        .bind::<Timestamptz, _>(amendment.at)
        .get_result(connection)
        .optional()?;
    Ok(stored.map(|Number { change }| Amended { change, replacement: None }))
}

/// Both rows in one statement, which is a transaction of its own. The amendment is made from the
/// new entry's row, so that it draws its number after the entry.
const REPLACE: &str = "WITH \
     erased AS MATERIALIZED (SELECT entry_id FROM erasure WHERE entry_id = $9), \
     made AS (INSERT INTO attendance \
     (entry_id, login, received_at, lastname, firstname, gate, direction, person_ref) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS (SELECT FROM erased) \
     RETURNING id, entry_id), \
     amended AS (INSERT INTO amendment (entry_id, number, replacement, reason, made_by, made_at) \
     SELECT $9, $10, entry_id, $11, $12, $13 FROM made RETURNING change) \
     SELECT change, id FROM amended, made";

#[derive(QueryableByName)]
struct Numbers {
    #[diesel(sql_type = BigInt)]
    change: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
}

fn replace(
    connection: &mut PgConnection,
    amendment: &Amendment,
    replacement: &Passage,
) -> QueryResult<Option<Amended>> {
    let stored = sql_query(REPLACE)
        .bind::<SqlUuid, _>(replacement.entry_id)
        .bind::<Timestamptz, _>(replacement.login)
        .bind::<Timestamptz, _>(replacement.received_at)
        .bind::<SqlText, _>(&*replacement.lastname)
        .bind::<SqlText, _>(&*replacement.firstname)
        .bind::<Nullable<SqlText>, _>(replacement.gate.as_deref())
        .bind::<SqlText, _>(replacement.direction.as_str())
        .bind::<Nullable<SqlText>, _>(replacement.person_ref.as_deref())
        .bind::<SqlUuid, _>(amendment.entry_id)
        .bind::<SmallInt, _>(amendment.number)
        .bind::<SqlText, _>(&*amendment.reason)
        .bind::<Nullable<SqlText>, _>(amendment.by.as_deref())
        .bind::<Timestamptz, _>(amendment.at)
        .get_result(connection)
        .optional()?;
    Ok(stored.map(|Numbers { change, id }| Amended { change, replacement: Some(id) }))
}
