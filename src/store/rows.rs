//! The rows of small tables, as both adapters read them: columns in the order of their table.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    Amendment, Erasure, Gate, IssuedToken, Reason, Role, Session, StoredAmendment, Text, TokenHash,
    TokenName,
};

/// A row of `tokens`, and the token's last use.
pub(super) type TokenRow = (
    (
        String,
        Vec<u8>,
        String,
        Option<String>,
        DateTime<Utc>,
        Option<String>,
        Option<DateTime<Utc>>,
        Option<DateTime<Utc>>,
    ),
    Option<DateTime<Utc>>,
);

/// The token in a row. Fails where a column holds what this program never writes.
pub(super) fn token(
    ((name, sha256, role, gate, created_at, created_by, expires_at, revoked_at), last_seen_at): TokenRow,
) -> Result<(TokenHash, IssuedToken), StoreError> {
    let invalid = || StoreError::defect(format!("the row of the token {name} is invalid"));
    let hash = sha256.try_into().map_err(|_| invalid())?;
    let token = IssuedToken {
        name: TokenName::parse(&name).map_err(|_| invalid())?,
        role: Role::parse(&role).ok_or_else(invalid)?,
        gate: gate.map(Text::from_store),
        created_at,
        created_by: created_by
            .map(|creator| TokenName::parse(&creator).map_err(|_| invalid()))
            .transpose()?,
        expires_at,
        revoked_at,
        last_seen_at,
    };
    Ok((TokenHash::from_bytes(hash), token))
}

/// Of a token: its name, gate and beginning, its last use, and what its gate said.
pub(super) type GateRow =
    ((String, Option<String>, DateTime<Utc>), Option<DateTime<Utc>>, Option<ContactRow>);

/// Of `gate_contacts`: last contact, last entry, number and moment of what is pending, and until when
/// the gate is complete.
type ContactRow = (
    DateTime<Utc>,
    Option<DateTime<Utc>>,
    Option<i64>,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
);

/// The gate in a row. Fails where a column holds what this program never writes.
pub(super) fn gate(((name, gate, since), last_seen, said): GateRow) -> Result<Gate, StoreError> {
    let invalid = || StoreError::defect(format!("the row of the token {name} is invalid"));
    let (last_contact, last_entry, pending, oldest_pending, complete_until) = match said {
        Some((contact, entry, pending, oldest, until)) => {
            (Some(contact), entry, pending, oldest, until)
        }
        None => (None, None, None, None, None),
    };
    Ok(Gate {
        gate: Text::from_store(gate.ok_or_else(invalid)?),
        token: TokenName::parse(&name).map_err(|_| invalid())?,
        since,
        last_contact: last_contact.max(last_seen),
        last_entry,
        pending: pending.map(i64::unsigned_abs),
        oldest_pending,
        complete_until: complete_until.unwrap_or(since),
    })
}

/// A row of `sessions`.
pub(super) type SessionRow = (Vec<u8>, Vec<u8>, DateTime<Utc>, DateTime<Utc>);

/// The session in a row. Fails where a column holds what this program never writes.
pub(super) fn session(
    (sha256, token_sha256, created_at, last_used_at): SessionRow,
) -> Result<(TokenHash, Session), StoreError> {
    let hash = |sha256: Vec<u8>| {
        let invalid = |_| StoreError::defect("a row of a session is invalid");
        sha256.try_into().map(TokenHash::from_bytes).map_err(invalid)
    };
    Ok((hash(sha256)?, Session { token: hash(token_sha256)?, created_at, last_used_at }))
}

/// A row of `amendment`.
pub(super) type AmendmentRow =
    (i64, Uuid, i16, Option<Uuid>, String, Option<String>, DateTime<Utc>);

pub(super) fn amendment(row: AmendmentRow) -> StoredAmendment {
    let (change, entry_id, number, replacement, reason, by, at) = row;
    let reason = Reason::from_store(reason);
    StoredAmendment {
        change,
        amendment: Amendment { entry_id, number, replacement, reason, by, at },
    }
}

/// A row of `erasure`.
pub(super) type ErasureRow = (i64, Uuid, DateTime<Utc>);

pub(super) fn erasure((change, entry_id, at): ErasureRow) -> Erasure {
    Erasure { change, entry_id, at }
}
