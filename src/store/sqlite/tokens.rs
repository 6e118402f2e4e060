use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::classify::classify;
use super::store::SqliteStore;
use super::tables::{token_uses, tokens};
use crate::domain::{IssuedToken, Role, Text, TokenHash, TokenName};
use crate::store::{StoreError, Tokens};

/// A row of `tokens`, in the order of its columns, and the token's last use.
type Row = (
    (String, Vec<u8>, String, Option<String>, i64, Option<String>, Option<i64>, Option<i64>),
    Option<i64>,
);

impl Tokens for SqliteStore {
    fn tokens(&self) -> Result<Vec<(TokenHash, IssuedToken)>, StoreError> {
        let rows = self.run(|connection| {
            tokens::table
                .left_join(token_uses::table)
                .select((tokens::all_columns, token_uses::last_seen_at.nullable()))
                .load::<Row>(connection)
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
                    tokens::created_at.eq(token.created_at.timestamp_micros()),
                    tokens::created_by.eq(token.created_by.as_deref()),
                    tokens::expires_at.eq(token.expires_at.map(|end| end.timestamp_micros())),
                    tokens::revoked_at.eq(token.revoked_at.map(|end| end.timestamp_micros())),
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
            let revoked = diesel::update(valid)
                .set(tokens::revoked_at.eq(now.timestamp_micros()))
                .execute(connection)?;
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
                    let moment = moment.timestamp_micros();
                    diesel::insert_into(token_uses::table)
                        .values((token_uses::name.eq(&**name), token_uses::last_seen_at.eq(moment)))
                        .on_conflict(token_uses::name)
                        .do_nothing()
                        .execute(connection)?;
                    let older = token_uses::last_seen_at.lt(moment);
                    diesel::update(token_uses::table.find(&**name).filter(older))
                        .set(token_uses::last_seen_at.eq(moment))
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

/// The token in a row. Fails where a column holds what this program never writes.
fn token(
    ((name, sha256, role, gate, created_at, created_by, expires_at, revoked_at), last_seen_at): Row,
) -> Result<(TokenHash, IssuedToken), StoreError> {
    let invalid = || StoreError::defect(format!("the row of the token {name} is invalid"));
    let moment = |micros| DateTime::from_timestamp_micros(micros).ok_or_else(invalid);
    let hash = sha256.try_into().map_err(|_| invalid())?;
    let token = IssuedToken {
        name: TokenName::parse(&name).map_err(|_| invalid())?,
        role: Role::parse(&role).ok_or_else(invalid)?,
        gate: gate.map(Text::from_store),
        created_at: moment(created_at)?,
        created_by: created_by
            .map(|creator| TokenName::parse(&creator).map_err(|_| invalid()))
            .transpose()?,
        expires_at: expires_at.map(moment).transpose()?,
        revoked_at: revoked_at.map(moment).transpose()?,
        last_seen_at: last_seen_at.map(moment).transpose()?,
    };
    Ok((TokenHash::from_bytes(hash), token))
}
