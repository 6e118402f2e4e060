//! How routes read entries: into a spool, with signs of life on the way.

use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::domain::{Entry, Selection};
use crate::http::wire::{Listing, Rows, Spool};
use crate::store::{Progress, Store, StoreError};

/// After how many entries a read that writes little shows that it is alive.
const PORTION: u32 = 2_000;

/// Appends the wanted entries of `instants` to `spool`, by ascending id, from one snapshot.
pub(crate) fn spool_entries(
    store: &dyn Store,
    instants: Range<DateTime<Utc>>,
    listing: &Listing,
    rows: &mut Rows,
    spool: &mut Spool,
    progress: &Progress,
) -> Result<(), StoreError> {
    let selection = Selection { instants, filter: listing.filter.clone() };
    let mut portion = Portion::default();
    store.each_entry(&selection, &mut |entry| {
        let mut is_full = false;
        if listing.shows(&entry) {
            rows.push(spool.buffer(), &entry);
            is_full = spool.flush_if_full().map_err(StoreError::defect)?;
        }
        portion.count(is_full, progress)
    })
}

/// Calls `each` with every entry of `instants`.
pub(crate) fn each_entry(
    store: &dyn Store,
    instants: Range<DateTime<Utc>>,
    progress: &Progress,
    mut each: impl FnMut(Entry),
) -> Result<(), StoreError> {
    let mut portion = Portion::default();
    store.each_entry(&instants.into(), &mut |entry| {
        each(entry);
        portion.count(false, progress)
    })
}

/// The entries since the last sign of life.
#[derive(Default)]
struct Portion(u32);

impl Portion {
    /// Counts an entry. `is_full`: whether enough was written for a sign of life.
    fn count(&mut self, is_full: bool, progress: &Progress) -> Result<(), StoreError> {
        self.0 += 1;
        if !is_full && self.0 < PORTION {
            return Ok(());
        }
        self.0 = 0;
        progress.mark_portion()
    }
}
