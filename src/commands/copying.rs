use std::collections::HashSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::progress::Progress;
use crate::domain::{Amendment, Change, Erasure, Passage};
use crate::store::{Amendments, Eraser, Recorder, SqliteStore, Store, StoreError, Stored};

/// How many entries are committed together.
const BATCH: usize = 1_000;

/// How many entries are erased together.
const ERASED_TOGETHER: usize = 500;

/// Makes the changes of a file in a database, in their order.
pub(super) struct Copying<'a> {
    source: &'a SqliteStore,
    target: &'a dyn Store,
    recorder: Box<dyn Recorder>,
    /// Opened for the first erasure that the database lacks, because it needs the owner.
    eraser: Option<Box<dyn Eraser>>,
    /// The entries that are recorded next.
    batch: Vec<Passage>,
    /// The erasures that are made next. All are of one moment.
    erasures: Vec<Erasure>,
    /// The entries of which the database has another content. Nothing is done to them.
    different: HashSet<Uuid>,
    progress: Progress,
    tally: Tally,
}

/// The numbers so far, by their outcome.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) entries: Outcomes,
    pub(super) amendments: Outcomes,
    pub(super) erasures: Outcomes,
}

#[derive(Default)]
pub(super) struct Outcomes {
    pub(super) copied: u64,
    pub(super) there_before: u64,
    pub(super) different: u64,
}

impl Outcomes {
    pub(super) fn total(&self) -> u64 {
        self.copied + self.there_before + self.different
    }
}

impl<'a> Copying<'a> {
    pub(super) fn start(
        source: &'a SqliteStore,
        target: &'a dyn Store,
        progress: Progress,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            source,
            target,
            recorder: target.recorder()?,
            eraser: None,
            batch: Vec::new(),
            erasures: Vec::new(),
            different: HashSet::new(),
            progress,
            tally: Tally::default(),
        })
    }

    pub(super) fn take(&mut self, change: Change) -> Result<(), StoreError> {
        match change {
            Change::Created(entry) => {
                self.erase()?;
                if self.batch.len() == BATCH {
                    self.record()?;
                }
                self.batch.push(entry.passage);
                Ok(())
            }
            Change::Amended(stored) => {
                self.erase()?;
                let amendment = stored.amendment;
                // A replacement is created just before. Both are stored in one transaction.
                let replacement =
                    self.batch.pop_if(|last| Some(last.entry_id) == amendment.replacement);
                self.record()?;
                self.amend(&amendment, replacement)
            }
            Change::Erased(erasure) => {
                self.record()?;
                let is_apart = self.erasures.first().is_some_and(|first| first.at != erasure.at);
                if is_apart || self.erasures.len() == ERASED_TOGETHER {
                    self.erase()?;
                }
                self.erasures.push(erasure);
                Ok(())
            }
        }
    }

    /// Makes the changes that are left.
    pub(super) fn finish(mut self) -> Result<Tally, StoreError> {
        self.record()?;
        self.erase()?;
        if let Some(mut eraser) = self.eraser {
            eraser.clean_up()?;
        }
        self.progress.finish();
        Ok(self.tally)
    }

    /// Records the entries that wait, and counts them.
    fn record(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let stored = self.recorder.record(&batch.iter().collect::<Vec<_>>())?;
        for (stored, passage) in stored.iter().zip(&batch) {
            let entries = &mut self.tally.entries;
            match stored {
                Stored::Created(_) => entries.copied += 1,
                Stored::Erased(_) => entries.there_before += 1,
                Stored::Before(entry) if entry.passage.is_repeated_by(passage) => {
                    entries.there_before += 1;
                }
                Stored::Before(entry) if self.is_erased_since(&entry.passage, passage)? => {
                    self.tally.entries.there_before += 1;
                }
                Stored::Before(_) => {
                    self.tally.entries.different += 1;
                    let id = passage.entry_id;
                    self.different.insert(id);
                    self.progress.say(&format!("the database holds another entry {id}"));
                }
            }
        }
        self.progress.advance(batch.len());
        Ok(())
    }

    /// Whether the file's entry differs only because it was erased after it had been copied. A copy
    /// has the same moments, to the microsecond.
    fn is_erased_since(&self, stored: &Passage, passage: &Passage) -> Result<bool, StoreError> {
        let nameless = Passage {
            firstname: passage.firstname.clone(),
            lastname: passage.lastname.clone(),
            person_ref: passage.person_ref.clone(),
            ..stored.clone()
        };
        Ok(nameless == *passage && self.is_erased_in_file(passage.entry_id)?)
    }

    fn is_erased_in_file(&self, entry_id: Uuid) -> Result<bool, StoreError> {
        Ok(self.source.trail(entry_id)?.is_some_and(|trail| trail.is_erased()))
    }

    /// Stores one amendment, with its replacement if that is not stored yet.
    fn amend(
        &mut self,
        amendment: &Amendment,
        replacement: Option<Passage>,
    ) -> Result<(), StoreError> {
        let is_same_entry = !self.different.contains(&amendment.entry_id);
        let new_entries = u64::from(replacement.is_some());
        self.progress.advance(new_entries as usize);
        if is_same_entry && self.recorder.amend(amendment, replacement.as_ref())?.is_some() {
            self.tally.amendments.copied += 1;
            self.tally.entries.copied += new_entries;
        } else if is_same_entry && self.is_amended_alike(amendment)? {
            self.tally.amendments.there_before += 1;
            self.tally.entries.there_before += new_entries;
        } else {
            self.tally.amendments.different += 1;
            self.tally.entries.different += new_entries;
            self.different.extend(amendment.replacement);
            let id = amendment.entry_id;
            self.progress.say(&format!("the database has not the same amendment of entry {id}"));
        }
        Ok(())
    }

    /// Whether the database has this amendment. Of an erased one the reason cannot be compared.
    fn is_amended_alike(&self, amendment: &Amendment) -> Result<bool, StoreError> {
        let Some(there) = self.target.trail(amendment.entry_id)? else { return Ok(false) };
        if there.has_amendment_of(amendment) {
            return Ok(true);
        }
        let is_erased = there.is_erased() || self.is_erased_in_file(amendment.entry_id)?;
        Ok(is_erased && there.has_amendment_except_for_reason(amendment))
    }

    /// Erases what waits to be erased and is not erased in the database yet.
    fn erase(&mut self) -> Result<(), StoreError> {
        let erasures = std::mem::take(&mut self.erasures);
        let Some(at) = erasures.first().map(|erasure| erasure.at) else { return Ok(()) };
        let ids: Vec<_> = erasures.iter().map(|erasure| erasure.entry_id).collect();
        let stored = self.target.find(&ids, &[])?;
        let not_erased = stored.iter().filter_map(|stored| match stored {
            Stored::Before(entry) => Some(entry.passage.entry_id),
            _ => None,
        });
        let not_erased: Vec<_> = not_erased.filter(|id| !self.different.contains(id)).collect();
        if !not_erased.is_empty() {
            self.erase_in_database(&not_erased, at)?;
        }
        let different = ids.iter().filter(|id| self.different.contains(id)).count();
        let outcomes = &mut self.tally.erasures;
        outcomes.copied += not_erased.len() as u64;
        outcomes.different += different as u64;
        outcomes.there_before += (ids.len() - not_erased.len() - different) as u64;
        Ok(())
    }

    fn erase_in_database(&mut self, ids: &[Uuid], at: DateTime<Utc>) -> Result<(), StoreError> {
        let eraser = match &mut self.eraser {
            Some(eraser) => eraser,
            None => self.eraser.insert(self.target.eraser()?),
        };
        eraser.erase(ids, at).map(drop)
    }
}
