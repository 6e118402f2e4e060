use uuid::Uuid;

use super::StoreError;
use crate::domain::{Entry, Selection, StoredAmendment, Trail};

/// Reads amendments. A [`super::Recorder`] stores them.
pub trait Amendments {
    /// The entry `entry_id` with its whole chain, from one snapshot; `None` if it is not stored.
    fn trail(&self, entry_id: Uuid) -> Result<Option<Trail>, StoreError>;

    /// As [`super::Entries::each_entry`], but with the entries that are voided or replaced. Each
    /// comes with its last amendment.
    fn each_entry_and_amendment(
        &self,
        selection: &Selection,
        each: &mut dyn FnMut(Entry, Option<StoredAmendment>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;
}

/// The numbers of an amendment that was stored now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amended {
    pub change: i64,
    /// The id of the replacement, if it has one.
    pub replacement: Option<i64>,
}
