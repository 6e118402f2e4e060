use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use super::types::{At, Moment};
use crate::domain::GateContact;
use crate::store::gates::MERGE_CONTACT;

/// Stores what a gate said.
pub(super) fn note_contact(
    connection: &mut SqliteConnection,
    contact: &GateContact,
) -> QueryResult<()> {
    let report = contact.report;
    let completeness = report.and_then(|report| report.completeness);
    let pending = report.and_then(|report| i64::try_from(report.pending?).ok());
    let statement = format!(
        "INSERT INTO gate_contacts AS held (name, last_contact, last_entry, pending, \
         oldest_pending, reported_at, complete_until) VALUES (?, ?, ?, ?, ?, ?, ?){}",
        *MERGE_CONTACT
    );
    diesel::sql_query(statement)
        .bind::<Text, _>(&*contact.token)
        .bind::<Moment, _>(At(contact.received_at))
        .bind::<Nullable<Moment>, _>(contact.last_entry.map(At))
        .bind::<Nullable<BigInt>, _>(pending)
        .bind::<Nullable<Moment>, _>(report.and_then(|report| report.oldest_pending).map(At))
        .bind::<Nullable<Moment>, _>(completeness.map(|complete| At(complete.made_at)))
        .bind::<Nullable<Moment>, _>(completeness.map(|complete| At(complete.until)))
        .execute(connection)
        .map(drop)
}
