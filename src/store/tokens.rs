use chrono::{DateTime, Utc};

use super::StoreError;
use crate::domain::{IssuedToken, TokenHash, TokenName};

/// Keeps tokens, by the hash of their secret.
pub trait Tokens {
    /// All tokens, revoked and expired ones too, in no particular order.
    fn tokens(&self) -> Result<Vec<(TokenHash, IssuedToken)>, StoreError>;

    /// Stores a new token. Returns `false`, and stores nothing, if its name is taken.
    ///
    /// `Ok` means committed and flushed to disk.
    fn create_token(&self, hash: &TokenHash, token: &IssuedToken) -> Result<bool, StoreError>;

    /// Revokes a token, unless it is revoked already. Returns `false` if there is none with this
    /// name.
    ///
    /// `Ok` means committed and flushed to disk.
    fn revoke_token(&self, name: &TokenName, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Notes when tokens were last used, where nothing later is noted. The names must be ascending,
    /// so that no two processes wait for each other.
    fn note_uses(&self, uses: &[(TokenName, DateTime<Utc>)]) -> Result<(), StoreError>;
}
