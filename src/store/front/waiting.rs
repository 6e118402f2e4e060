use std::collections::VecDeque;
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use crate::domain::{Amendment, GateContact, Passage, Recorded};
use crate::store::{Amended, StoreError};

/// How many entries of batches are committed at once. An entry that comes alone is committed with the next
/// of these, so that a person who stands at a gate does not wait for what another gate has gathered for days.
const TOGETHER: usize = 50;

/// A request to record an entry, and the channel for its answer.
pub(super) struct Record {
    pub(super) passage: Passage,
    pub(super) answer: oneshot::Sender<Result<Recorded, StoreError>>,
}

/// A request to amend an entry, and the channel for its answer.
pub(super) struct Amend {
    pub(super) amendment: Amendment,
    pub(super) replacement: Option<Passage>,
    pub(super) answer: oneshot::Sender<Result<AmendOutcome, StoreError>>,
}

/// A request to note what a gate said, and the channel for its answer.
pub(super) struct Note {
    pub(super) contact: GateContact,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The outcome of an [`Amendment`], once its transaction has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmendOutcome {
    /// It is committed and flushed to disk.
    Stored(Amended),
    /// Another one was there first. Nothing was stored.
    Conflict,
    /// The same after a commit with unknown outcome: the one that is there may be this one.
    ConflictAfterRetry,
}

/// What waits, by what is asked for. A single amendment is rare, so that they may come
/// after all entries that wait.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    pub(super) amends: Vec<Amend>,
    pub(super) notes: Vec<Note>,
    /// When requests arrived, and how many came at once.
    pub(super) arrivals: Vec<(Instant, usize)>,
}

impl Batch {
    /// How many entries and amendments there are. Notes do not count: there is at most one for each
    /// batch that was recorded before.
    fn len(&self) -> usize {
        self.records.len() + self.amends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.notes.is_empty()
    }

    /// When the first of the entries was received.
    pub(super) fn oldest(&self) -> Option<DateTime<Utc>> {
        self.records.iter().map(|record| record.passage.received_at).min()
    }
}

/// What waits for the writer, and what it has taken.
#[derive(Default)]
pub(super) struct Waiting {
    /// What the writer takes next.
    pub(super) batch: Batch,
    /// Entries that came in batches, and when. The writer takes some of them each time.
    pub(super) in_batches: VecDeque<(Record, Instant)>,
    /// When the first of the entries was received that the writer has taken and may be writing.
    pub(super) taken: Option<DateTime<Utc>>,
    pub(super) closed: bool,
}

impl Waiting {
    /// How many entries and amendments wait.
    pub(super) fn len(&self) -> usize {
        self.batch.len() + self.in_batches.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.in_batches.is_empty()
    }

    /// When the first of the entries was received that wait or are being written.
    pub(super) fn oldest(&self) -> Option<DateTime<Utc>> {
        let in_batches = self.in_batches.iter().map(|(record, _)| record.passage.received_at).min();
        [self.batch.oldest(), in_batches, self.taken].into_iter().flatten().min()
    }

    /// Adds the entries of batches whose turn it is to what is taken next.
    pub(super) fn take_from_batches(&mut self) {
        let count = self.in_batches.len().min(TOGETHER);
        for (record, arrived) in self.in_batches.drain(..count) {
            self.batch.records.push(record);
            self.batch.arrivals.push((arrived, 1));
        }
    }
}
