#![allow(dead_code, reason = "these types only describe what is written elsewhere")]

use utoipa::ToSchema;

use super::entry::Entry;
use super::strings::{Date, Moment, Text, TokenName};

/// A sheet of one entry as CSV.
pub(crate) const CSV_OF_ENTRIES: &str = "\
    id,date,time,login,firstname,lastname,person_ref,direction,gate,entry_id,received_at\r\n\
    7,2019-06-24,09:12:21,2019-06-24T09:12:21.123456+08:00,Arvin,Cudanin,B-1042,in,A,\
    01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f,2019-06-24T01:12:21.123456Z\r\n";

/// One person on one day as CSV.
pub(crate) const CSV_OF_PEOPLE: &str = "\
    date,firstname,lastname,person_ref,first_in,last_out,entries\r\n\
    2019-06-24,Arvin,Cudanin,B-1042,2019-06-24T09:12:21.123456+08:00,,1\r\n";

/// One person's presence on one day.
#[derive(ToSchema)]
pub(crate) struct PersonDay {
    date: Date,
    /// The names of the person's latest entry.
    firstname: Text,
    lastname: Text,
    #[schema(required = true)]
    person_ref: Option<Text>,
    /// The first moment at which the person came in.
    #[schema(required = true)]
    first_in: Option<Moment>,
    /// The last moment at which the person went out.
    #[schema(required = true)]
    last_out: Option<Moment>,
    /// How many entries the person has.
    entries: u64,
}

/// Gates, by the tokens that are bound to them.
#[derive(ToSchema)]
pub(crate) struct Gates {
    /// By the names of the gates, then by those of the tokens.
    gates: Vec<Gate>,
}

/// What is known of a gate.
#[derive(ToSchema)]
struct Gate {
    gate: Text,
    token: TokenName,
    /// When the last request was received; without batches right to a minute.
    #[schema(required = true)]
    last_contact: Option<Moment>,
    /// When the last entry in a batch was received.
    #[schema(required = true)]
    last_entry: Option<Moment>,
    /// How many entries the gate still holds, as far as it says.
    #[schema(required = true)]
    pending: Option<u64>,
    /// The moment of the oldest of them.
    #[schema(required = true)]
    oldest_pending: Option<Moment>,
    /// No entry with an earlier `login` follows from this gate, as far as it knows.
    complete_until: Moment,
}

/// Who is inside.
#[derive(ToSchema)]
pub(crate) struct Inside {
    /// The moment of this answer.
    as_of: Moment,
    /// How far back entries were read.
    since: Moment,
    /// Whether anyone was recorded `out` since.
    outs_seen: bool,
    /// The latest entry of each person, by last and first name.
    inside: Vec<Entry>,
}
