use chrono::{DateTime, Utc};

use super::StoreError;
use crate::domain::{Session, TokenHash};

/// Keeps sessions of browsers, by the hash of their secret.
pub trait Sessions {
    /// All sessions, in no particular order. Those that expired may be among them.
    fn sessions(&self) -> Result<Vec<(TokenHash, Session)>, StoreError>;

    /// Stores a new session, and deletes those that were last used before `ended_before`.
    ///
    /// `Ok` means committed and flushed to disk.
    fn create_session(
        &self,
        hash: &TokenHash,
        session: &Session,
        ended_before: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Deletes a session, if it is there.
    ///
    /// `Ok` means committed and flushed to disk.
    fn end_session(&self, hash: &TokenHash) -> Result<(), StoreError>;

    /// Notes when sessions were last used, where nothing later is noted. The hashes must be
    /// ascending, so that no two processes wait for each other.
    fn note_session_uses(&self, uses: &[(TokenHash, DateTime<Utc>)]) -> Result<(), StoreError>;
}
