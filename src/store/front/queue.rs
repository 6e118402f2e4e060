use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::refusal::Refusal;
use super::writing::Writing;
use crate::domain::{Amendment, GateContact, Passage, Recorded};
use crate::store::{Amended, StoreError};

/// The entries and amendments that wait for the writer, up to a limit.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
    /// How long a request waits.
    timeout: Duration,
}

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
    arrivals: Vec<(Instant, usize)>,
}

impl Batch {
    /// How many entries and amendments there are. Notes do not count: there is at most one for each
    /// batch that was recorded before.
    fn len(&self) -> usize {
        self.records.len() + self.amends.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0 && self.notes.is_empty()
    }

    /// When the first of the entries was received.
    fn oldest(&self) -> Option<DateTime<Utc>> {
        self.records.iter().map(|record| record.passage.received_at).min()
    }
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Signalled when the first request arrives and when the queue closes.
    changed: Condvar,
    limit: usize,
    writing: Arc<Writing>,
    refusal: Arc<Refusal>,
}

#[derive(Default)]
struct Waiting {
    batch: Batch,
    /// When the first of the entries was received that the writer has taken and may be writing.
    taken: Option<DateTime<Utc>>,
    closed: bool,
}

impl Queue {
    /// `limit` bounds how many entries and amendments wait; `timeout` how long each does.
    pub(super) fn new(limit: usize, timeout: Duration) -> Self {
        let (waiting, changed) = (Mutex::default(), Condvar::new());
        let (writing, refusal) = (Arc::new(Writing::new()), Arc::default());
        Self { shared: Arc::new(Shared { waiting, changed, limit, writing, refusal }), timeout }
    }

    /// Records `passage` and waits until it is committed and flushed to disk.
    ///
    /// After [`StoreError::Busy`] nothing was recorded. After [`StoreError::TimedOut`],
    /// [`StoreError::Unreachable`] and [`StoreError::Refused`] it may have been, by an earlier attempt, and recording it
    /// again is safe.
    pub async fn record(&self, passage: Passage) -> Result<Recorded, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.push(1, |batch| batch.records.push(Record { passage, answer }))?;
        self.wait(answered).await
    }

    /// Stores `amendment` and its `replacement`, if it has one, as [`Self::record`] does.
    pub async fn amend(
        &self,
        amendment: Amendment,
        replacement: Option<Passage>,
    ) -> Result<AmendOutcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.push(1, |batch| batch.amends.push(Amend { amendment, replacement, answer }))?;
        self.wait(answered).await
    }

    /// Records all of `passages`, as [`Self::record`] does for one: none of them if the queue has not
    /// enough room. The outcomes are in the same order.
    pub async fn record_all(
        &self,
        passages: Vec<Passage>,
    ) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
        if passages.is_empty() {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + self.timeout;
        let (commands, answers): (Vec<_>, Vec<_>) = passages
            .into_iter()
            .map(|passage| {
                let (answer, answered) = oneshot::channel();
                (Record { passage, answer }, answered)
            })
            .unzip();
        self.push(commands.len(), |batch| batch.records.extend(commands))?;
        let mut outcomes = Vec::with_capacity(answers.len());
        for answered in answers {
            outcomes.push(self.wait_until(deadline, answered).await);
        }
        Ok(outcomes)
    }

    /// Notes what a gate said in a batch that arrived at `arrived` and whose entries are committed.
    /// Waits until it is stored, within the time that the batch has in all.
    pub async fn note(&self, contact: GateContact, arrived: Instant) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.push(0, |batch| batch.notes.push(Note { contact, answer }))?;
        self.wait_until(arrived + self.timeout, answered).await
    }

    async fn wait<T>(
        &self,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.wait_until(Instant::now() + self.timeout, answered).await
    }

    async fn wait_until<T>(
        &self,
        deadline: Instant,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match timeout_at(deadline.into(), answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(stopped()),
            Err(_) => Err(self.shared.refusal.after(self.timeout)),
        }
    }

    /// How many entries wait now.
    pub fn depth(&self) -> usize {
        self.shared.lock().batch.len()
    }

    /// When the first of the entries was received that wait or are being written.
    pub fn oldest(&self) -> Option<DateTime<Utc>> {
        let waiting = self.shared.lock();
        [waiting.batch.oldest(), waiting.taken].into_iter().flatten().min()
    }

    /// How many entries may wait at most.
    pub fn limit(&self) -> usize {
        self.shared.limit
    }

    /// What is measured of this queue and of its writer.
    pub fn writing(&self) -> Arc<Writing> {
        self.shared.writing.clone()
    }

    /// Where the writer notes that the store refuses everything.
    pub(super) fn refusal(&self) -> Arc<Refusal> {
        self.shared.refusal.clone()
    }

    /// Adds `count` entries or amendments, if there is room for all of them.
    fn push(&self, count: usize, add: impl FnOnce(&mut Batch)) -> Result<(), StoreError> {
        let arrived = Instant::now();
        let mut waiting = self.shared.lock();
        if waiting.closed {
            return Err(stopped());
        }
        if waiting.batch.len() + count > self.shared.limit {
            return Err(StoreError::Busy);
        }
        let is_first = waiting.batch.is_empty();
        add(&mut waiting.batch);
        waiting.batch.arrivals.push((arrived, count));
        drop(waiting);
        // The writer takes all requests at once, so the others need no signal.
        if is_first {
            self.shared.changed.notify_one();
        }
        Ok(())
    }

    /// Refuses further requests. Those that wait can still be taken.
    pub(super) fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }

    /// Moves all waiting requests to `batch`, which is empty; waits for the first. Returns `false`
    /// once the queue is closed and empty.
    pub(super) fn take_all(&self, batch: &mut Batch) -> bool {
        let mut waiting = self.shared.lock();
        // The writer has done what it took before.
        waiting.taken = None;
        let idle = |waiting: &mut Waiting| waiting.batch.is_empty() && !waiting.closed;
        let mut waiting =
            self.shared.changed.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner);
        waiting.taken = waiting.batch.oldest();
        // Two batches take turns, so that their vectors are not allocated again.
        std::mem::swap(&mut waiting.batch, batch);
        drop(waiting);
        self.shared.writing.note_taken(&mut batch.arrivals);
        !batch.is_empty()
    }
}

impl Shared {
    /// No panic can happen while the lock is held, so the state behind it is always consistent.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stopped() -> StoreError {
    StoreError::unreachable("the writer has stopped")
}
