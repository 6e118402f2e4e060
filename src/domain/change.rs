use super::{Entry, StoredAmendment};

/// One step of the history of all entries. Changes are numbered in one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An entry was recorded. The number is its id.
    Created(Entry),
    Amended(StoredAmendment),
}

impl Change {
    pub fn number(&self) -> i64 {
        match self {
            Self::Created(entry) => entry.id,
            Self::Amended(stored) => stored.change,
        }
    }
}
