use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::refusal::Refusal;
use super::waiting::{Amend, AmendOutcome, Batch, Note, Record, Waiting};
use super::writing::Writing;
use crate::domain::{Amendment, GateContact, Passage, Recorded};
use crate::store::StoreError;

/// The entries and amendments that wait for the writer, up to a limit.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
    /// How long a request waits.
    timeout: Duration,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Signalled when the first request arrives and when the queue closes.
    changed: Condvar,
    limit: usize,
    writing: Arc<Writing>,
    refusal: Arc<Refusal>,
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
        self.push_one(1, |batch| batch.records.push(Record { passage, answer }))?;
        self.wait(answered).await
    }

    /// Stores `amendment` and its `replacement`, if it has one, as [`Self::record`] does.
    pub async fn amend(
        &self,
        amendment: Amendment,
        replacement: Option<Passage>,
    ) -> Result<AmendOutcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.push_one(1, |batch| batch.amends.push(Amend { amendment, replacement, answer }))?;
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
        let arrived = Instant::now();
        let commands = commands.into_iter().map(|command| (command, arrived));
        self.push(commands.len(), |waiting| waiting.in_batches.extend(commands))?;
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
        self.push_one(0, |batch| batch.notes.push(Note { contact, answer }))?;
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
        self.shared.lock().len()
    }

    /// When the first of the entries was received that wait or are being written.
    pub fn oldest(&self) -> Option<DateTime<Utc>> {
        self.shared.lock().oldest()
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

    /// Adds a request of its own, which counts as `count` entries or amendments.
    fn push_one(&self, count: usize, add: impl FnOnce(&mut Batch)) -> Result<(), StoreError> {
        let arrived = Instant::now();
        self.push(count, |waiting| {
            add(&mut waiting.batch);
            waiting.batch.arrivals.push((arrived, count));
        })
    }

    /// Adds `count` entries or amendments, if there is room for all of them.
    fn push(&self, count: usize, add: impl FnOnce(&mut Waiting)) -> Result<(), StoreError> {
        let mut waiting = self.shared.lock();
        if waiting.closed {
            return Err(stopped());
        }
        if waiting.len() + count > self.shared.limit {
            return Err(StoreError::Busy);
        }
        let is_first = waiting.is_empty();
        add(&mut waiting);
        drop(waiting);
        // The writer looks again before it waits, so the others need no signal.
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

    /// Moves what waits to `batch`, which is empty, but not all entries of batches; waits for the first
    /// request. Returns `false` once the queue is closed and empty.
    pub(super) fn take_next(&self, batch: &mut Batch) -> bool {
        let mut waiting = self.shared.lock();
        // The writer has done what it took before.
        waiting.taken = None;
        let idle = |waiting: &mut Waiting| waiting.is_empty() && !waiting.closed;
        let mut waiting =
            self.shared.changed.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner);
        waiting.take_from_batches();
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
