use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::contacts::note_contacts;
use super::store::PostgresStore;
use super::tables::{gate_contacts, token_uses, tokens};
use crate::domain::{Gate, GateContact, Role, TokenName};
use crate::store::rows::{GateRow, gate};
use crate::store::{Gates, StoreError};

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
                .load::<GateRow>(connection)
        })?;
        let gates = rows.into_iter().map(gate).collect::<Result<Vec<_>, _>>()?;
        Ok(Gate::in_order(gates))
    }

    fn note_entries(&self, entries: &[(TokenName, DateTime<Utc>)]) -> Result<(), StoreError> {
        let contact = |(token, at): &(TokenName, _)| GateContact::of_entry(token.clone(), *at);
        let contacts: Vec<_> = entries.iter().map(contact).collect();
        let contacts: Vec<_> = contacts.iter().collect();
        self.read(|connection| note_contacts(connection, &contacts))
    }
}
