//! How routes read entries: into a spool, with signs of life on the way.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Entry, Inside, Selection};
use crate::http::wire::{EntryAndAmendment, Listing, Rows, Spool};
use crate::store::{Progress, Store, StoreError};

/// How far back 'inside' looks by default: the longest shift and some hours.
pub(crate) const DEFAULT_REACH: TimeDelta = TimeDelta::hours(24);

/// After how many entries a read that writes little shows that it is alive.
const PORTION: u32 = 2_000;

/// Appends what comes before the entries that are wanted.
pub(crate) fn begin_entries(listing: &Listing, rows: &Rows, spool: &mut Spool) {
    match listing.includes_amended {
        true => rows.begin::<EntryAndAmendment>(spool.buffer()),
        false => rows.begin::<Entry>(spool.buffer()),
    }
}

/// Appends the wanted entries of `instants` to `spool`, by ascending id, from one snapshot. Those that
/// stand are passed to `count` too.
pub(crate) fn spool_entries(
    store: &dyn Store,
    instants: Range<DateTime<Utc>>,
    listing: &Listing,
    rows: &mut Rows,
    spool: &mut Spool,
    progress: &Progress,
    mut count: impl FnMut(&Entry),
) -> Result<(), StoreError> {
    let selection = Selection { instants, filter: listing.filter.clone() };
    let mut portion = Portion::default();
    if listing.includes_amended {
        return store.each_entry_and_amendment(&selection, &mut |entry, amendment| {
            if !listing.shows(&entry) {
                return portion.count(false, progress);
            }
            if amendment.is_none() {
                count(&entry);
            }
            rows.push(spool.buffer(), &EntryAndAmendment { entry, amendment });
            portion.count(spool.flush_if_full().map_err(StoreError::unspooled)?, progress)
        });
    }
    store.each_entry(&selection, &mut |entry| {
        if !listing.shows(&entry) {
            return portion.count(false, progress);
        }
        count(&entry);
        rows.push(spool.buffer(), &entry);
        portion.count(spool.flush_if_full().map_err(StoreError::unspooled)?, progress)
    })
}

/// Calls `each` with every selected entry that is neither voided nor replaced.
pub(crate) fn each_entry(
    store: &dyn Store,
    selection: &Selection,
    progress: &Progress,
    mut each: impl FnMut(Entry),
) -> Result<(), StoreError> {
    let mut portion = Portion::default();
    store.each_entry(selection, &mut |entry| {
        each(entry);
        portion.count(false, progress)
    })
}

/// How many people are inside at `now`, as `GET /table/inside` lists them.
pub(crate) fn count_inside(
    store: &dyn Store,
    now: DateTime<Utc>,
    progress: &Progress,
) -> Result<usize, StoreError> {
    let instants = now - DEFAULT_REACH..now + TimeDelta::microseconds(1);
    let mut inside = Inside::default();
    each_entry(store, &instants.into(), progress, |entry| inside.add(entry))?;
    Ok(inside.into_sorted(None).len())
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
