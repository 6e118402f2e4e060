//! The group commit: a bounded queue in front of one thread that records whatever is waiting as
//! one batch. A durable commit costs one flush of the log, whether it holds one entry or hundreds.
//! There is no timer: a lone entry is committed at once, and while one batch is on its way to disk
//! the next one gathers by itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rocket::tokio::sync::{mpsc, oneshot};
use rocket::tokio::time::timeout;

use super::{Held, Recorder, Store, StoreError};
use crate::domain::{NewEntry, Recorded};

/// How long the thread waits before it tries to reach the store again: at first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// The thread that records. It ends when [`Writer::finish`] is called and nothing waits any more.
pub struct Writer {
    ended: Receiver<()>,
    sender: mpsc::Sender<Waiting>,
    timeout: Duration,
}

/// Where requests put their entries; as many as needed.
#[derive(Clone)]
pub struct Queue {
    sender: mpsc::WeakSender<Waiting>,
    limit: usize,
    timeout: Duration,
}

/// An entry, and who waits to hear what became of it.
struct Waiting {
    entry: NewEntry,
    answer: oneshot::Sender<Result<Recorded, StoreError>>,
}

impl Writer {
    /// Starts the thread. `limit` bounds how many entries wait; `timeout` how long each does.
    pub fn start(store: Arc<dyn Store>, limit: usize, timeout: Duration) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(limit);
        let (alive, ended) = std::sync::mpsc::channel();
        std::thread::Builder::new().name("writer".into()).spawn(move || {
            let _alive = alive;
            Recording { store, recorder: None, healthy: true }.run(receiver);
        })?;
        Ok(Self { ended, sender, timeout })
    }

    /// The queue in front of this writer.
    pub fn queue(&self) -> Queue {
        Queue {
            sender: self.sender.downgrade(),
            limit: self.sender.max_capacity(),
            timeout: self.timeout,
        }
    }

    /// Refuses new entries and records those that wait. Returns whether that was done within
    /// `patience`; a store that does not answer can hold the thread for longer.
    pub fn finish(self, patience: Duration) -> bool {
        drop(self.sender);
        self.ended.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Queue {
    /// Records `entry` and waits until it is committed and flushed to disk.
    ///
    /// On [`StoreError::Busy`] nothing was recorded; on [`StoreError::TimedOut`] and
    /// [`StoreError::Unreachable`] it may have been, and recording the same entry again is safe.
    pub async fn record(&self, entry: NewEntry) -> Result<Recorded, StoreError> {
        let (answer, answered) = oneshot::channel();
        let sender = self.sender.upgrade().ok_or_else(stopped)?;
        sender.try_send(Waiting { entry, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        drop(sender);
        match timeout(self.timeout, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(stopped()),
            Err(_) => Err(StoreError::TimedOut(self.timeout)),
        }
    }

    /// How many entries wait now.
    pub fn depth(&self) -> usize {
        self.sender.upgrade().map_or(0, |sender| sender.max_capacity() - sender.capacity())
    }

    /// How many may wait at most.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

fn stopped() -> StoreError {
    StoreError::Unreachable("the writer has stopped".into())
}

/// The thread's own side: the store and its connection, while there is one.
struct Recording {
    store: Arc<dyn Store>,
    recorder: Option<Box<dyn Recorder>>,
    /// Whether the last try to reach the store went well: only changes are logged.
    healthy: bool,
}

impl Recording {
    fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        // Connect before the first entry comes; if that fails, the entry will try again.
        let _ = self.connect();
        let mut batch = Vec::new();
        let limit = queue.max_capacity();
        while queue.blocking_recv_many(&mut batch, limit) > 0 {
            self.settle(&mut batch);
        }
    }

    /// Answers everyone in `batch` and leaves it empty.
    ///
    /// While the store is out of reach it is tried again for as long as someone waits. That is
    /// safe even if a broken commit did happen, because the `entry_id` finds it again.
    fn settle(&mut self, batch: &mut Vec<Waiting>) {
        // Ascending ids, so that two replicas with the same ids in flight cannot block each other
        // in a circle. The sort is stable: of two with one id, the first to come is recorded.
        batch.sort_by_key(|waiting| waiting.entry.entry_id);
        let mut pause = BACK_OFF.0;
        let mut retried = false;
        loop {
            // Who was told that the time is up is not waiting any more.
            batch.retain(|waiting| !waiting.answer.is_closed());
            if batch.is_empty() {
                return;
            }
            match self.record(batch) {
                Ok(held) => return answer_all(batch, held, retried),
                Err(StoreError::Refused(_)) if batch.len() > 1 => {
                    return self.settle_one_by_one(batch);
                }
                Err(StoreError::Unreachable(_)) => {
                    retried = true;
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(BACK_OFF.1);
                }
                Err(error) => {
                    for waiting in batch.drain(..) {
                        let _ = waiting.answer.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// Finds the row that made the store refuse the batch, so that no entry is refused for its
    /// neighbour's sake.
    fn settle_one_by_one(&mut self, batch: &mut Vec<Waiting>) {
        for waiting in batch.drain(..) {
            self.settle(&mut vec![waiting]);
        }
    }

    /// Records the batch's distinct entries. Any error but a refusal costs the connection.
    fn record(&mut self, batch: &[Waiting]) -> Result<Vec<Held>, StoreError> {
        self.connect()?;
        let Some(recorder) = &mut self.recorder else {
            return Err(StoreError::Defect("no recorder after connecting".into()));
        };
        let mut entries: Vec<_> = batch.iter().map(|waiting| &waiting.entry).collect();
        entries.dedup_by_key(|entry| entry.entry_id);
        let recorded = catch_unwind(AssertUnwindSafe(|| recorder.record(&entries)))
            .unwrap_or_else(|_| Err(StoreError::Defect("recording panicked".into())));
        if !matches!(recorded, Ok(_) | Err(StoreError::Refused(_))) {
            self.recorder = None;
        }
        self.note(recorded.as_ref().map(drop));
        recorded
    }

    fn connect(&mut self) -> Result<(), StoreError> {
        if self.recorder.is_none() {
            let opened = self.store.recorder();
            self.recorder = Some(opened.inspect_err(|error| self.note(Err(error)))?);
        }
        Ok(())
    }

    fn note(&mut self, outcome: Result<(), &StoreError>) {
        match outcome {
            Ok(()) if !self.healthy => tracing::info!("the store can be written to again"),
            Err(StoreError::Refused(_)) => return,
            Err(error) if self.healthy => tracing::warn!(%error, "the store cannot be written to"),
            _ => {}
        }
        self.healthy = outcome.is_ok();
    }
}

/// `held` has one item for each distinct `entry_id` in `batch`, and both are ascending.
fn answer_all(batch: &mut Vec<Waiting>, held: Vec<Held>, retried: bool) {
    let mut held = held.into_iter();
    let mut current: Option<Held> = None;
    for Waiting { entry, answer } in batch.drain(..) {
        if current.as_ref().is_none_or(|held| held.entry.entry_id != entry.entry_id) {
            current = held.next();
            if let Some(held) = &mut current {
                // After a commit with unknown outcome, our own row is told by its clock.
                held.created |= retried && held.entry.received_at == entry.received_at;
            }
        }
        let outcome = match &mut current {
            Some(held) if held.entry.entry_id == entry.entry_id => Ok(judge(held, &entry)),
            _ => Err(StoreError::Defect("the store left out an entry".into())),
        };
        // Whoever does not wait any more was told that the outcome is unknown.
        let _ = answer.send(outcome);
    }
}

/// What the store's row means to one of the requests that carry its `entry_id`.
fn judge(held: &mut Held, new: &NewEntry) -> Recorded {
    if !held.entry.is_replayed_by(new) {
        Recorded::Reused
    } else if std::mem::take(&mut held.created) {
        // Only for the first to come; whoever follows in this batch with the same id replays it.
        Recorded::Created(held.entry.clone())
    } else {
        Recorded::Replayed(held.entry.clone())
    }
}
