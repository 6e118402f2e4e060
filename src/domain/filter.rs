use std::ops::Range;

use chrono::{DateTime, Utc};

use super::{Direction, Text};

/// What a reader wants to see of the entries. A store applies it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Only entries of this gate.
    pub gate: Option<Text>,
    /// Only entries of this direction.
    pub direction: Option<Direction>,
    /// Only entries with this badge or staff number.
    pub person_ref: Option<Text>,
}

impl Filter {
    /// Whether every entry is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The entries to read: those whose `login` lies in `instants` and that the filter lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub instants: Range<DateTime<Utc>>,
    pub filter: Filter,
}

/// All entries with a `login` in `instants`.
impl From<Range<DateTime<Utc>>> for Selection {
    fn from(instants: Range<DateTime<Utc>>) -> Self {
        Self { instants, filter: Filter::default() }
    }
}
