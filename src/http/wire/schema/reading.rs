#![allow(dead_code, reason = "these types only describe what is written elsewhere")]

use utoipa::ToSchema;

use super::entry::Entry;
use super::strings::{Date, Moment, Text, TokenName};

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
