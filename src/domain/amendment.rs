use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Reason;

/// Takes an entry off its sheet. Nothing is edited in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amendment {
    /// The entry that is amended.
    pub entry_id: Uuid,
    /// 1 for an entry that stands, 2 for one that is voided. Unique for each entry, so that of two
    /// different amendments at once one wins.
    pub number: i16,
    /// The entry that replaces it; `None` if it is voided.
    pub replacement: Option<Uuid>,
    pub reason: Reason,
    /// The name of the credential that it was made with.
    pub by: Option<String>,
    pub at: DateTime<Utc>,
}

/// An amendment as a store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAmendment {
    /// Its number among all changes.
    pub change: i64,
    pub amendment: Amendment,
}

/// Whether an entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Stands,
    /// It does not count. It can still be replaced.
    Voided,
    /// Another entry counts in its place. This is final.
    Replaced,
}

impl State {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::Voided => "voided",
            Self::Replaced => "replaced",
        }
    }
}

impl Amendment {
    /// The state of its entry, as long as no later amendment follows.
    pub fn state(&self) -> State {
        match self.replacement {
            None => State::Voided,
            Some(_) => State::Replaced,
        }
    }
}
