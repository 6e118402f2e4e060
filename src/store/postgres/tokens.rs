use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, Text as SqlText, Timestamptz};

use super::classify::classify;
use super::session;
use super::store::PostgresStore;
use super::tables::{token_uses, tokens};
use crate::domain::{IssuedToken, TokenHash, TokenName};
use crate::store::rows::{TokenRow, token};
use crate::store::{StoreError, Tokens};

impl Tokens for PostgresStore {
    fn tokens(&self) -> Result<Vec<(TokenHash, IssuedToken)>, StoreError> {
        let rows = self.read(|connection| {
            tokens::table
                .left_join(token_uses::table)
                .select((tokens::all_columns, token_uses::last_seen_at.nullable()))
                .load::<TokenRow>(connection)
        })?;
        rows.into_iter().map(token).collect()
    }

    fn create_token(&self, hash: &TokenHash, token: &IssuedToken) -> Result<bool, StoreError> {
        self.write(|connection| {
            diesel::insert_into(tokens::table)
                .values((
                    tokens::name.eq(&*token.name),
                    tokens::sha256.eq(&hash.as_bytes()[..]),
                    tokens::role.eq(token.role.as_str()),
                    tokens::gate.eq(token.gate.as_deref()),
                    tokens::created_at.eq(token.created_at),
                    tokens::created_by.eq(token.created_by.as_deref()),
                    tokens::expires_at.eq(token.expires_at),
                    tokens::revoked_at.eq(token.revoked_at),
                ))
                .on_conflict(tokens::name)
                .do_nothing()
                .execute(connection)
                .map(|rows| rows == 1)
        })
    }

    fn revoke_token(&self, name: &TokenName, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(|connection| {
            let valid = tokens::table.find(&**name).filter(tokens::revoked_at.is_null());
            let revoked =
                diesel::update(valid).set(tokens::revoked_at.eq(now)).execute(connection)?;
            match revoked {
                0 => diesel::select(diesel::dsl::exists(tokens::table.find(&**name)))
                    .get_result(connection),
                _ => Ok(true),
            }
        })
    }

    fn note_uses(&self, uses: &[(TokenName, DateTime<Utc>)]) -> Result<(), StoreError> {
        self.read(|connection| {
            let uses = NoteUses {
                names: uses.iter().map(|(name, _)| &**name).collect(),
                moments: uses.iter().map(|(_, moment)| *moment).collect(),
            };
            uses.execute(connection).map(drop)
        })
    }
}

impl PostgresStore {
    /// Runs `write` on a connection of its own, whose commits are flushed to disk.
    pub(super) fn write<T>(
        &self,
        write: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let mut connection = session::open_for_writing(self.target(), self.timeout())?;
        write(&mut connection).map_err(|error| classify(error, &mut connection))
    }
}

/// Uses of any number of tokens as one statement with a fixed text.
struct NoteUses<'a> {
    names: Vec<&'a str>,
    moments: Vec<DateTime<Utc>>,
}

impl QueryFragment<Pg> for NoteUses<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO token_uses (name, last_seen_at) SELECT * FROM unnest(");
        out.push_bind_param::<Array<SqlText>, _>(&self.names)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.moments)?;
        out.push_sql(
            ") ON CONFLICT (name) DO UPDATE SET last_seen_at = excluded.last_seen_at \
             WHERE token_uses.last_seen_at < excluded.last_seen_at",
        );
        Ok(())
    }
}

impl QueryId for NoteUses<'_> {
    type QueryId = NoteUses<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<PgConnection> for NoteUses<'_> {}
