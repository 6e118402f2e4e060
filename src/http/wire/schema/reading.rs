#![allow(dead_code, reason = "these types only describe what is written elsewhere")]

use utoipa::ToSchema;

use super::entry::Entry;
use super::strings::{Date, Moment, Text};

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
