use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::classify::classify;
use super::store::SqliteStore;
use super::tables::{token_uses, tokens};
use super::types::At;
use crate::domain::{IssuedToken, TokenHash, TokenName};
use crate::store::rows::{TokenRow, token};
use crate::store::{StoreError, Tokens};

impl Tokens for SqliteStore {
    fn tokens(&self) -> Result<Vec<(TokenHash, IssuedToken)>, StoreError> {
        let rows = self.run(|connection| {
            tokens::table
                .left_join(token_uses::table)
                .select((tokens::all_columns, token_uses::last_seen_at.nullable()))
                .load::<TokenRow>(connection)
        })?;
        rows.into_iter().map(token).collect()
    }

    fn create_token(&self, hash: &TokenHash, token: &IssuedToken) -> Result<bool, StoreError> {
        self.run(|connection| {
            diesel::insert_into(tokens::table)
                .values((
                    tokens::name.eq(&*token.name),
                    tokens::sha256.eq(&hash.as_bytes()[..]),
                    tokens::role.eq(token.role.as_str()),
                    tokens::gate.eq(token.gate.as_deref()),
                    tokens::created_at.eq(At(token.created_at)),
                    tokens::created_by.eq(token.created_by.as_deref()),
                    tokens::expires_at.eq(token.expires_at.map(At)),
                    tokens::revoked_at.eq(token.revoked_at.map(At)),
                ))
                .on_conflict(tokens::name)
                .do_nothing()
                .execute(connection)
                .map(|rows| rows == 1)
        })
    }

    fn revoke_token(&self, name: &TokenName, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.run(|connection| {
            let valid = tokens::table.find(&**name).filter(tokens::revoked_at.is_null());
            let revoked =
                diesel::update(valid).set(tokens::revoked_at.eq(At(now))).execute(connection)?;
            match revoked {
                0 => diesel::select(diesel::dsl::exists(tokens::table.find(&**name)))
                    .get_result(connection),
                _ => Ok(true),
            }
        })
    }

    fn note_uses(&self, uses: &[(TokenName, DateTime<Utc>)]) -> Result<(), StoreError> {
        self.run(|connection| {
            connection.immediate_transaction(|connection| {
                uses.iter().try_for_each(|(name, moment)| {
                    diesel::insert_into(token_uses::table)
                        .values((
                            token_uses::name.eq(&**name),
                            token_uses::last_seen_at.eq(At(*moment)),
                        ))
                        .on_conflict(token_uses::name)
                        .do_nothing()
                        .execute(connection)?;
                    let older = token_uses::last_seen_at.lt(At(*moment));
                    diesel::update(token_uses::table.find(&**name).filter(older))
                        .set(token_uses::last_seen_at.eq(At(*moment)))
                        .execute(connection)
                        .map(drop)
                })
            })
        })
    }
}

impl SqliteStore {
    /// Runs statements on a pooled connection, which flushes each commit to disk.
    pub(super) fn run<T>(
        &self,
        run: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let mut connection = self.reader()?;
        run(&mut connection).map_err(|error| classify(error, &mut connection))
    }
}
