//! The group commit: one thread records everything that waits as one batch, but only some of the entries that
//! gates have gathered. A durable commit costs one flush of the log, whether it holds one entry or hundreds.
//! There is no timer: a lone entry is committed at once, and while one batch is being committed the next one
//! gathers.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::answers::answer_all;
use super::last_recorded::LastRecorded;
use super::queue::Queue;
use super::refusal::Refusal;
use super::waiting::{Amend, AmendOutcome, Batch, Note, Record};
use super::writing::Writing;
use crate::error_chain::ErrorChain;
use crate::store::{Recorder, Store, StoreError, Stored};

/// The pause before the store is tried again: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// The thread that records. It ends when [`Writer::finish`] was called and nothing waits any more.
pub struct Writer {
    queue: Queue,
    ended: Receiver<()>,
}

impl Writer {
    /// Starts the thread. `limit` bounds how many entries wait; `timeout` how long each does. The
    /// numbers of what it records are noted in `last_recorded`.
    pub fn start(
        store: Arc<dyn Store>,
        limit: usize,
        timeout: Duration,
        last_recorded: LastRecorded,
    ) -> std::io::Result<Self> {
        let queue = Queue::new(limit, timeout);
        let (alive, ended) = channel();
        let commands = queue.clone();
        thread::Builder::new().name("writer".into()).spawn(move || {
            let _alive = alive;
            let (writing, refusal) = (commands.writing(), commands.refusal());
            Session { store, recorder: None, last_recorded, writing, refusal, healthy: true }
                .run(&commands);
        })?;
        Ok(Self { queue, ended })
    }

    /// The queue in front of this writer.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Refuses new entries and records those that wait. Returns whether that was done within
    /// `timeout`; a store that does not answer can hold the thread for longer.
    pub fn finish(self, timeout: Duration) -> bool {
        self.queue.close();
        self.ended.recv_timeout(timeout) == Err(RecvTimeoutError::Disconnected)
    }
}

/// A writer that is dropped takes no more entries, and its thread ends.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The thread's side: the store, and its connection while there is one.
struct Session {
    store: Arc<dyn Store>,
    recorder: Option<Box<dyn Recorder>>,
    last_recorded: LastRecorded,
    writing: Arc<Writing>,
    refusal: Arc<Refusal>,
    /// Whether the store could be reached at the last attempt. Only changes are logged.
    healthy: bool,
}

impl Session {
    fn run(mut self, queue: &Queue) {
        // Connect before the first entry arrives. If that fails, the entry will try again.
        let _ = self.connect();
        let mut batch = Batch::default();
        while queue.take_next(&mut batch) {
            self.settle(&mut batch.records);
            batch.amends.drain(..).for_each(|command| self.amend(command));
            self.note(std::mem::take(&mut batch.notes));
        }
    }

    /// Answers every request in `batch` and leaves it empty.
    ///
    /// While the store cannot be reached, or refuses everything, it is tried again for as long as a request waits. That is
    /// safe even if a broken commit did happen, because the `entry_id` finds it again.
    fn settle(&mut self, batch: &mut Vec<Record>) {
        let mut pause = BACKOFF.0;
        let mut retried = false;
        loop {
            // Requests that have timed out do not wait any more.
            batch.retain(|command| !command.answer.is_closed());
            if batch.is_empty() {
                return;
            }
            match self.record(batch) {
                Ok(stored) => return answer_all(batch, stored, retried),
                Err(StoreError::RefusedRow(_)) if batch.len() > 1 => {
                    return self.settle_by_halves(batch);
                }
                Err(StoreError::Unreachable(_) | StoreError::Refused(_)) => {
                    retried = true;
                    thread::sleep(pause);
                    pause = (pause * 2).min(BACKOFF.1);
                }
                Err(error) => {
                    for command in batch.drain(..) {
                        let _ = command.answer.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// Finds the row that made the store refuse the batch, so that only its own entry is refused. A
    /// gate may send a row that the store refuses again and again, together with hundreds of others.
    fn settle_by_halves(&mut self, batch: &mut Vec<Record>) {
        let mut second = batch.split_off(batch.len() / 2);
        self.settle(batch);
        self.settle(&mut second);
    }

    /// Stores one amendment, and tries it again as [`Self::settle`] does.
    fn amend(&mut self, command: Amend) {
        let Amend { amendment, replacement, answer } = command;
        if answer.is_closed() {
            return;
        }
        let mut attempts = 0;
        let stored = self.write_while(
            || !answer.is_closed(),
            |recorder| {
                attempts += 1;
                recorder.amend(&amendment, replacement.as_ref())
            },
        );
        if let Ok(Some(amended)) = &stored {
            self.last_recorded.note(amended.change);
        }
        let outcome = stored.map(|stored| match stored {
            Some(amended) => AmendOutcome::Stored(amended),
            None if attempts > 1 => AmendOutcome::ConflictAfterRetry,
            None => AmendOutcome::Conflict,
        });
        // A request that does not wait any more was told that the outcome is unknown.
        let _ = answer.send(outcome);
    }

    /// Stores what gates said, and tries it again as [`Self::settle`] does. Of several notes of one
    /// gate, each has a statement of its own.
    fn note(&mut self, mut notes: Vec<Note>) {
        // Ascending names, so that two replicas cannot deadlock.
        notes.sort_by(|one, other| one.contact.token.cmp(&other.contact.token));
        while !notes.is_empty() {
            let (mut first, mut others) = (Vec::<Note>::new(), Vec::new());
            for note in notes {
                match first.last() {
                    Some(last) if last.contact.token == note.contact.token => others.push(note),
                    _ => first.push(note),
                }
            }
            let contacts: Vec<_> = first.iter().map(|note| &note.contact).collect();
            let noted = self.write_while(
                || first.iter().any(|note| !note.answer.is_closed()),
                |recorder| recorder.note_contacts(&contacts),
            );
            for note in first {
                let _ = note.answer.send(noted.clone());
            }
            notes = others;
        }
    }

    /// Records the distinct entries of the batch, in the order in which they came: of two requests with one
    /// id, the first one is recorded, and of two entries with one moment, the later one is the latest.
    fn record(&mut self, batch: &[Record]) -> Result<Vec<Stored>, StoreError> {
        let mut known = HashSet::with_capacity(batch.len());
        let passages = batch.iter().map(|command| &command.passage);
        let passages: Vec<_> = passages.filter(|passage| known.insert(passage.entry_id)).collect();
        let stored = self.write(|recorder| recorder.record(&passages))?;
        self.writing.entries.count(passages.len() as u64, 1);
        let created = stored.iter().filter_map(|stored| match stored {
            Stored::Created(id) => Some(*id),
            Stored::Before(_) | Stored::Erased(_) => None,
        });
        created.max().into_iter().for_each(|id| self.last_recorded.note(id));
        Ok(stored)
    }

    /// Writes, and tries it again while the store cannot be reached or refuses everything, for as long
    /// as a request waits.
    fn write_while<T>(
        &mut self,
        is_awaited: impl Fn() -> bool,
        mut write: impl FnMut(&mut dyn Recorder) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut pause = BACKOFF.0;
        loop {
            let outcome = self.write(&mut write);
            if !matches!(outcome, Err(StoreError::Unreachable(_) | StoreError::Refused(_))) {
                return outcome;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(BACKOFF.1);
            if !is_awaited() {
                return outcome;
            }
        }
    }

    /// Writes through the connection, which is given up after any error but a refused row.
    fn write<T>(
        &mut self,
        write: impl FnOnce(&mut dyn Recorder) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let recorder = self.connect()?;
        let begun = Instant::now();
        let recorded = catch_unwind(AssertUnwindSafe(|| {
            write(recorder).map_err(|error| match error {
                StoreError::Refused(cause) if recorder.rehearse().is_ok() => {
                    StoreError::RefusedRow(cause)
                }
                error => error,
            })
        }))
        .unwrap_or_else(|_| Err(StoreError::defect("recording panicked")));
        self.writing.note_commit(begun.elapsed());
        if !matches!(recorded, Ok(_) | Err(StoreError::RefusedRow(_))) {
            self.recorder = None;
        }
        self.note_outcome(recorded.as_ref().map(drop));
        recorded
    }

    fn connect(&mut self) -> Result<&mut dyn Recorder, StoreError> {
        let recorder = match self.recorder.take() {
            Some(recorder) => recorder,
            None => self.store.recorder().inspect_err(|error| self.note_outcome(Err(error)))?,
        };
        Ok(&mut **self.recorder.insert(recorder))
    }

    fn note_outcome(&mut self, outcome: Result<(), &StoreError>) {
        self.refusal.note(outcome);
        match outcome {
            Ok(()) if !self.healthy => tracing::info!("the store can be written to again"),
            Err(StoreError::RefusedRow(_)) => return,
            Err(error) if self.healthy => {
                let error = ErrorChain(error);
                tracing::warn!(%error, "the store cannot be written to");
            }
            _ => {}
        }
        self.healthy = outcome.is_ok();
    }
}
