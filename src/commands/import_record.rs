use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tempfile::TempDir;
use uuid::Uuid;

use super::failure::Failure;
use crate::domain::{Imported, Passage};
use crate::store::{Entries, Recorder, SqliteStore, Store, StoreError, Stored, Versioned};

/// Where rows are recorded, and what they are compared with.
pub(super) struct Importing {
    store: Arc<dyn Store>,
    recorder: Box<dyn Recorder>,
    rehearsal: Option<Rehearsal>,
}

/// A store in a temporary folder, in which a dry run records. With it, a dry run knows the rows
/// that came before in the file.
struct Rehearsal {
    store: SqliteStore,
    _folder: TempDir,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Recorded,
    ThereBefore,
    Refused(&'static str),
}

const DIFFERENT: Outcome = Outcome::Refused("entry_id names another entry, with other content");

/// The passages that are known, by what rows are compared with.
#[derive(Default)]
struct Known {
    by_id: HashMap<Uuid, Passage>,
    by_moment: HashMap<DateTime<Utc>, Vec<Passage>>,
    /// The ids of those whose names are erased.
    erased: HashSet<Uuid>,
}

impl Importing {
    /// `is_dry_run`: record in a temporary store instead, and only compare with `store`.
    pub(super) fn start(
        store: Arc<dyn Store>,
        is_dry_run: bool,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        if !is_dry_run {
            let recorder = store.import_recorder()?.ok_or_else(|| {
                Failure::new(
                    "another import into this store is running; run this command again when it \
                     has ended",
                )
            })?;
            return Ok(Self { store, recorder, rehearsal: None });
        }
        let folder = tempfile::tempdir()
            .map_err(|error| Failure::of("cannot make a temporary folder", &error))?;
        let rehearsal = SqliteStore::new(folder.path().join("rehearsal.sqlite3"), 1, timeout);
        rehearsal.migrate(Instant::now() + timeout, &mut |_| {})?;
        let recorder = rehearsal.recorder()?;
        let rehearsal = Some(Rehearsal { store: rehearsal, _folder: folder });
        Ok(Self { store, recorder, rehearsal })
    }

    /// Records what is new of `rows`, and returns the outcome of each, in the same order.
    pub(super) fn record(&mut self, rows: &[&Imported]) -> Result<Vec<Outcome>, StoreError> {
        let mut known = self.find(rows)?;
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut new = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let outcome = known.outcome_of(row).unwrap_or_else(|| {
                known.add(row.passage.clone());
                new.push((at, &row.passage));
                Outcome::Recorded
            });
            outcomes.push(outcome);
        }
        // In the order of the file, so that a sheet that is imported keeps its order. If another
        // writer has the same ids in another order, the store refuses one of the two batches.
        let passages: Vec<_> = new.iter().map(|(_, passage)| *passage).collect();
        for ((at, _), outcome) in new.iter().zip(self.record_new(&passages)?) {
            outcomes[*at] = outcome;
        }
        Ok(outcomes)
    }

    /// The entries with which the rows may have to be compared.
    fn find(&self, rows: &[&Imported]) -> Result<Known, StoreError> {
        let named = rows.iter().filter(|row| row.is_named);
        let ids: Vec<_> = named.map(|row| row.passage.entry_id).collect();
        let unnamed = rows.iter().filter(|row| !row.is_named);
        let moments: Vec<_> = unnamed.map(|row| row.passage.login).collect();
        let mut known = Known::default();
        let mut found = self.store.find(&ids, &moments)?;
        if let Some(Rehearsal { store, .. }) = &self.rehearsal {
            found.extend(store.find(&ids, &moments)?);
        }
        for stored in found {
            match stored {
                Stored::Created(_) => {}
                Stored::Before(entry) => known.add(entry.passage),
                Stored::Erased(entry) => {
                    known.erased.insert(entry.passage.entry_id);
                    known.add(entry.passage);
                }
            }
        }
        Ok(known)
    }

    /// Records passages that were not found, with distinct ids.
    fn record_new(&mut self, passages: &[&Passage]) -> Result<Vec<Outcome>, StoreError> {
        if passages.is_empty() {
            return Ok(Vec::new());
        }
        match self.recorder.record(passages) {
            Ok(stored) => {
                let outcomes = stored.iter().zip(passages).map(|(stored, passage)| match stored {
                    Stored::Created(_) => Outcome::Recorded,
                    // Somebody else has recorded it since.
                    Stored::Before(entry) => compared(&entry.passage, passage),
                    Stored::Erased(_) => Outcome::ThereBefore,
                });
                Ok(outcomes.collect())
            }
            Err(error @ StoreError::Refused(_)) if self.recorder.rehearse().is_err() => Err(error),
            // One row is the cause. The others are recorded without it.
            Err(StoreError::Refused(_)) if passages.len() > 1 => {
                let one_by_one = passages.iter().map(|passage| self.record_new(&[passage]));
                Ok(one_by_one.collect::<Result<Vec<_>, _>>()?.concat())
            }
            Err(StoreError::Refused(_)) => Ok(vec![Outcome::Refused("the store refuses this row")]),
            Err(error) => Err(error),
        }
    }
}

impl Known {
    fn add(&mut self, passage: Passage) {
        self.by_moment.entry(passage.login).or_default().push(passage.clone());
        self.by_id.insert(passage.entry_id, passage);
    }

    /// The outcome of a row that is known; `None` if it is new.
    fn outcome_of(&self, row: &Imported) -> Option<Outcome> {
        if row.is_named {
            let id = row.passage.entry_id;
            let passage = self.by_id.get(&id)?;
            // What the row says cannot be compared with an erased entry, and brings nothing back.
            return Some(match self.erased.contains(&id) {
                true => Outcome::ThereBefore,
                false => compared(passage, &row.passage),
            });
        }
        let same_moment = self.by_moment.get(&row.passage.login)?;
        let is_equal = |known: &Passage| known.has_the_content_of(&row.passage);
        same_moment.iter().any(is_equal).then_some(Outcome::ThereBefore)
    }
}

/// The outcome of a row whose `entry_id` is stored.
fn compared(stored: &Passage, row: &Passage) -> Outcome {
    match stored.has_the_content_of(row) {
        true => Outcome::ThereBefore,
        false => DIFFERENT,
    }
}
