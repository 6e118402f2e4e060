use std::ops::Range;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Amended, StoreError};
use crate::domain::{Amendment, Entry, GateContact, Passage, Selection};

/// Reads entries, and opens connections that record them.
pub trait Entries {
    /// Opens a connection to record through.
    fn recorder(&self) -> Result<Box<dyn Recorder>, StoreError>;

    /// The same for an import, with a lock for as long as the recorder lives: `None` if another
    /// import holds it. A recorder that has lost the lock fails.
    fn import_recorder(&self) -> Result<Option<Box<dyn Recorder>>, StoreError>;

    /// Calls `each` with every selected entry that is neither voided nor replaced, by ascending id,
    /// from one snapshot. Memory does not grow with their number. Stops at the first error.
    fn each_entry(
        &self,
        selection: &Selection,
        each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// The entries that have one of these ids, or a `login` at one of these moments, in any order.
    /// Voided, replaced and erased ones are included.
    fn find(&self, ids: &[Uuid], moments: &[DateTime<Utc>]) -> Result<Vec<Stored>, StoreError>;

    /// The number of entries whose `login` lies in `instants`, voided and replaced ones included.
    fn count(&self, instants: Range<DateTime<Utc>>) -> Result<u64, StoreError>;
}

/// One connection that records entries; used by one thread.
pub trait Recorder {
    /// Records what is new of `batch` in one transaction. Returns, in the same order, what the
    /// store then holds under each `entry_id`.
    ///
    /// Each `entry_id` occurs once in `batch`, and the ids of new entries ascend in its order. Where
    /// other processes record the same entries in another order at the same moment, one of the
    /// transactions may be refused.
    ///
    /// `Ok` means committed and flushed to disk. After any error but [`StoreError::Refused`] the
    /// recorder must not be used again.
    fn record(&mut self, batch: &[&Passage]) -> Result<Vec<Stored>, StoreError>;

    /// Records an entry that nothing is wrong with, and takes it back before it is committed. Tells
    /// whether a refusal was due to a row: this one is only refused by a store that refuses all.
    fn rehearse(&mut self) -> Result<(), StoreError>;

    /// Stores `amendment`, with the entry that replaces its own if there is one, in one transaction.
    /// `None`, and nothing is stored, if the number of the amendment or the `entry_id` of the
    /// replacement is taken, or the entry is erased.
    ///
    /// `Ok` and errors mean the same as for [`Self::record`].
    fn amend(
        &mut self,
        amendment: &Amendment,
        replacement: Option<&Passage>,
    ) -> Result<Option<Amended>, StoreError>;

    /// Stores what gates say of themselves, where nothing newer is stored. The names of their tokens
    /// are ascending, and each occurs once.
    ///
    /// The entries of the batches in which they said it must be committed before.
    fn note_contacts(&mut self, contacts: &[&GateContact]) -> Result<(), StoreError>;
}

/// What the store holds under one `entry_id`.
#[derive(Debug)]
pub enum Stored {
    /// The batch's passage, recorded now under this id.
    Created(i64),
    /// An entry that was recorded before.
    Before(Entry),
    /// The same, with erased names: what the passage says cannot be compared with it.
    Erased(Entry),
}
