use std::ops::Range;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::StoreError;
use crate::domain::ErasureScope;

/// Erases names. Only the role that owns the tables may do that.
pub trait Erasing {
    /// Opens a connection to erase through. Refused if its role does not own the tables.
    fn eraser(&self) -> Result<Box<dyn Eraser>, StoreError>;
}

/// One connection that erases. A chain is an entry with those that it replaced and that replaced it.
pub trait Eraser {
    /// The highest id of all entries; 0 if there is none.
    fn last_id(&mut self) -> Result<i64, StoreError>;

    /// The entries in `scope` that are not erased and have one of these ids, by ascending id. A range
    /// of ids is searched in the same time, wherever it is.
    fn find(&mut self, scope: &ErasureScope, ids: Range<i64>) -> Result<Vec<Erasable>, StoreError>;

    /// All entries of the chains of `entries` that are not erased, by ascending id.
    fn chains(&mut self, entries: &[Uuid]) -> Result<Vec<Erasable>, StoreError>;

    /// Erases the names, reasons and `person_ref`s of the whole chains of `entries`, and stores an
    /// erasure for each entry, in one transaction. Returns the entries that were not erased before.
    fn erase(&mut self, entries: &[Uuid], at: DateTime<Utc>) -> Result<Vec<Erasable>, StoreError>;

    /// Removes what is left of changed rows in the store's own files and statistics.
    fn clean_up(&mut self) -> Result<(), StoreError>;
}

/// An entry that can be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasable {
    pub id: i64,
    pub entry_id: Uuid,
    pub login: DateTime<Utc>,
}
