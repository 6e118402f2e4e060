use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, Bytea, Timestamptz};

use super::store::PostgresStore;
use super::tables::sessions;
use crate::domain::{Session, TokenHash};
use crate::store::rows::{SessionRow, session};
use crate::store::{Sessions, StoreError};

impl Sessions for PostgresStore {
    fn sessions(&self) -> Result<Vec<(TokenHash, Session)>, StoreError> {
        let rows = self.read(|connection| sessions::table.load::<SessionRow>(connection))?;
        rows.into_iter().map(session).collect()
    }

    fn create_session(
        &self,
        hash: &TokenHash,
        session: &Session,
        ended_before: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            diesel::delete(sessions::table.filter(sessions::last_used_at.lt(ended_before)))
                .execute(connection)?;
            diesel::insert_into(sessions::table)
                .values((
                    sessions::sha256.eq(&hash.as_bytes()[..]),
                    sessions::token_sha256.eq(&session.token.as_bytes()[..]),
                    sessions::created_at.eq(session.created_at),
                    sessions::last_used_at.eq(session.last_used_at),
                ))
                .execute(connection)
                .map(drop)
        })
    }

    fn end_session(&self, hash: &TokenHash) -> Result<(), StoreError> {
        self.write(|connection| {
            diesel::delete(sessions::table.find(&hash.as_bytes()[..])).execute(connection).map(drop)
        })
    }

    fn note_session_uses(&self, uses: &[(TokenHash, DateTime<Utc>)]) -> Result<(), StoreError> {
        self.read(|connection| {
            let uses = NoteUses {
                hashes: uses.iter().map(|(hash, _)| &hash.as_bytes()[..]).collect(),
                moments: uses.iter().map(|(_, moment)| *moment).collect(),
            };
            uses.execute(connection).map(drop)
        })
    }
}

/// Uses of any number of sessions as one statement with a fixed text. It locks the rows in
/// ascending order.
struct NoteUses<'a> {
    hashes: Vec<&'a [u8]>,
    moments: Vec<DateTime<Utc>>,
}

impl QueryFragment<Pg> for NoteUses<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "WITH used AS (SELECT held.sha256, new.used_at FROM sessions AS held JOIN unnest(",
        );
        out.push_bind_param::<Array<Bytea>, _>(&self.hashes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.moments)?;
        out.push_sql(
            ") AS new (sha256, used_at) ON new.sha256 = held.sha256 \
             WHERE held.last_used_at < new.used_at ORDER BY held.sha256 FOR UPDATE OF held) \
             UPDATE sessions SET last_used_at = used.used_at FROM used \
             WHERE sessions.sha256 = used.sha256",
        );
        Ok(())
    }
}

impl QueryId for NoteUses<'_> {
    type QueryId = NoteUses<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<PgConnection> for NoteUses<'_> {}
