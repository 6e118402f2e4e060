use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::store::SqliteStore;
use super::tables::sessions;
use crate::domain::{Session, TokenHash};
use crate::store::{Sessions, StoreError};

/// A row of `sessions`, in the order of its columns.
type Row = (Vec<u8>, Vec<u8>, i64, i64);

impl Sessions for SqliteStore {
    fn sessions(&self) -> Result<Vec<(TokenHash, Session)>, StoreError> {
        let rows = self.run(|connection| sessions::table.load::<Row>(connection))?;
        rows.into_iter().map(session).collect()
    }

    fn create_session(
        &self,
        hash: &TokenHash,
        session: &Session,
        ended_before: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let ended = sessions::last_used_at.lt(ended_before.timestamp_micros());
        self.run(|connection| {
            connection.immediate_transaction(|connection| {
                diesel::delete(sessions::table.filter(ended)).execute(connection)?;
                diesel::insert_into(sessions::table)
                    .values((
                        sessions::sha256.eq(&hash.as_bytes()[..]),
                        sessions::token_sha256.eq(&session.token.as_bytes()[..]),
                        sessions::created_at.eq(session.created_at.timestamp_micros()),
                        sessions::last_used_at.eq(session.last_used_at.timestamp_micros()),
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
                    let moment = moment.timestamp_micros();
                    let held = sessions::table.find(&hash.as_bytes()[..]);
                    diesel::update(held.filter(sessions::last_used_at.lt(moment)))
                        .set(sessions::last_used_at.eq(moment))
                        .execute(connection)
                        .map(drop)
                })
            })
        })
    }
}

/// The session in a row. Fails where a column holds what this program never writes.
fn session(
    (sha256, token_sha256, created_at, last_used_at): Row,
) -> Result<(TokenHash, Session), StoreError> {
    let invalid = || StoreError::defect("a row of a session is invalid");
    let hash =
        |sha256: Vec<u8>| sha256.try_into().map(TokenHash::from_bytes).map_err(|_| invalid());
    let moment = |micros| DateTime::from_timestamp_micros(micros).ok_or_else(invalid);
    let session = Session {
        token: hash(token_sha256)?,
        created_at: moment(created_at)?,
        last_used_at: moment(last_used_at)?,
    };
    Ok((hash(sha256)?, session))
}
