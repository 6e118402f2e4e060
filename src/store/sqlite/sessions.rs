use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::store::SqliteStore;
use super::tables::sessions;
use super::types::At;
use crate::domain::{Session, TokenHash};
use crate::store::rows::{SessionRow, session};
use crate::store::{Sessions, StoreError};

impl Sessions for SqliteStore {
    fn sessions(&self) -> Result<Vec<(TokenHash, Session)>, StoreError> {
        let rows = self.run(|connection| sessions::table.load::<SessionRow>(connection))?;
        rows.into_iter().map(session).collect()
    }

    fn create_session(
        &self,
        hash: &TokenHash,
        session: &Session,
        ended_before: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let ended = sessions::last_used_at.lt(At(ended_before));
        self.run(|connection| {
            connection.immediate_transaction(|connection| {
                diesel::delete(sessions::table.filter(ended)).execute(connection)?;
                diesel::insert_into(sessions::table)
                    .values((
                        sessions::sha256.eq(&hash.as_bytes()[..]),
                        sessions::token_sha256.eq(&session.token.as_bytes()[..]),
                        sessions::created_at.eq(At(session.created_at)),
                        sessions::last_used_at.eq(At(session.last_used_at)),
                    ))
                    .execute(connection)
                    .map(drop)
            })
        })
    }

    fn end_session(&self, hash: &TokenHash) -> Result<(), StoreError> {
        self.run(|connection| {
            diesel::delete(sessions::table.find(&hash.as_bytes()[..])).execute(connection).map(drop)
        })
    }

    fn note_session_uses(&self, uses: &[(TokenHash, DateTime<Utc>)]) -> Result<(), StoreError> {
        self.run(|connection| {
            connection.immediate_transaction(|connection| {
                uses.iter().try_for_each(|(hash, moment)| {
                    let held = sessions::table.find(&hash.as_bytes()[..]);
                    diesel::update(held.filter(sessions::last_used_at.lt(At(*moment))))
                        .set(sessions::last_used_at.eq(At(*moment)))
                        .execute(connection)
                        .map(drop)
                })
            })
        })
    }
}
