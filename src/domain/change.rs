use super::{Entry, Erasure, StoredAmendment};

/// One step of the history of all entries. Changes are numbered in one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An entry was recorded. The number is its id.
    Created(Entry),
    Amended(StoredAmendment),
    /// An entry's names were erased. Earlier changes do not show them any more.
    Erased(Erasure),
}

impl Change {
    pub fn number(&self) -> i64 {
        match self {
            Self::Created(entry) => entry.id,
            Self::Amended(stored) => stored.change,
            Self::Erased(erasure) => erasure.change,
        }
    }
}
