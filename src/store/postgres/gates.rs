use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::store::PostgresStore;
use super::tables::{gate_contacts, token_uses, tokens};
use crate::domain::{Gate, Role, Text, TokenName};
use crate::store::{Gates, StoreError};

/// A token, its last use, and what its gate said.
type Row = (
    (String, Option<String>, DateTime<Utc>),
    Option<DateTime<Utc>>,
    Option<(
        DateTime<Utc>,
        Option<DateTime<Utc>>,
        Option<i64>,
        Option<DateTime<Utc>>,
        Option<DateTime<Utc>>,
    )>,
);

impl Gates for PostgresStore {
    fn gates(&self, now: DateTime<Utc>) -> Result<Vec<Gate>, StoreError> {
        let rows = self.read(|connection| {
            tokens::table
                .left_join(token_uses::table)
                .left_join(gate_contacts::table)
                .filter(tokens::role.eq(Role::Gate.as_str()))
                .filter(tokens::gate.is_not_null())
                .filter(tokens::revoked_at.is_null())
                .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(now)))
                .select((
                    (tokens::name, tokens::gate, tokens::created_at),
                    token_uses::last_seen_at.nullable(),
                    (
                        gate_contacts::last_contact,
                        gate_contacts::last_entry,
                        gate_contacts::pending,
                        gate_contacts::oldest_pending,
                        gate_contacts::complete_until,
                    )
                        .nullable(),
                ))
                .load::<Row>(connection)
        })?;
        let gates = rows.into_iter().map(gate).collect::<Result<Vec<_>, _>>()?;
        Ok(Gate::in_order(gates))
    }
}

fn gate(((name, gate, since), last_seen, said): Row) -> Result<Gate, StoreError> {
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
