use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};

use crate::domain::GateContact;
use crate::store::gates::MERGE_CONTACT;

/// Stores what gates said. `contacts` have ascending names, each once.
pub(super) fn note_contacts(
    connection: &mut PgConnection,
    contacts: &[&GateContact],
) -> QueryResult<()> {
    NoteContacts::of(contacts).execute(connection).map(drop)
}

/// Any number of contacts as one statement with a fixed text.
struct NoteContacts<'a> {
    names: Vec<&'a str>,
    contacts: Vec<DateTime<Utc>>,
    entries: Vec<Option<DateTime<Utc>>>,
    pending: Vec<Option<i64>>,
    oldest_pending: Vec<Option<DateTime<Utc>>>,
    reported: Vec<Option<DateTime<Utc>>>,
    complete: Vec<Option<DateTime<Utc>>>,
}

impl<'a> NoteContacts<'a> {
    fn of(contacts: &[&'a GateContact]) -> Self {
        let completeness = |contact: &GateContact| contact.report?.completeness;
        Self {
            names: contacts.iter().map(|contact| &*contact.token).collect(),
            contacts: contacts.iter().map(|contact| contact.received_at).collect(),
            entries: contacts.iter().map(|contact| contact.last_entry).collect(),
            pending: contacts.iter().map(|contact| pending(contact)).collect(),
            oldest_pending: contacts.iter().map(|contact| contact.report?.oldest_pending).collect(),
            reported: contacts
                .iter()
                .map(|contact| completeness(contact).map(|complete| complete.made_at))
                .collect(),
            complete: contacts
                .iter()
                .map(|contact| completeness(contact).map(|complete| complete.until))
                .collect(),
        }
    }
}

fn pending(contact: &GateContact) -> Option<i64> {
    contact.report?.pending?.try_into().ok()
}

impl QueryFragment<Pg> for NoteContacts<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        type Moments = Array<Nullable<Timestamptz>>;
        out.push_sql(
            "INSERT INTO gate_contacts AS held (name, last_contact, last_entry, pending, \
             oldest_pending, reported_at, complete_until) SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.names)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.contacts)?;
        out.push_sql(", ");
        out.push_bind_param::<Moments, _>(&self.entries)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&self.pending)?;
        out.push_sql(", ");
        out.push_bind_param::<Moments, _>(&self.oldest_pending)?;
        out.push_sql(", ");
        out.push_bind_param::<Moments, _>(&self.reported)?;
        out.push_sql(", ");
        out.push_bind_param::<Moments, _>(&self.complete)?;
        out.push_sql(")");
        out.push_sql(&MERGE_CONTACT);
        Ok(())
    }
}

impl QueryId for NoteContacts<'_> {
    type QueryId = NoteContacts<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<PgConnection> for NoteContacts<'_> {}
