use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::domain::{Passage, Recorded};
use crate::store::StoreError;

/// The entries that wait for the writer, up to a limit.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
    /// How long a request waits.
    timeout: Duration,
}

/// A request to the writer, and the channel for its answer.
pub(super) struct Command {
    pub(super) passage: Passage,
    pub(super) answer: oneshot::Sender<Result<Recorded, StoreError>>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Signalled when the first command arrives and when the queue closes.
    changed: Condvar,
    limit: usize,
}

#[derive(Default)]
struct Waiting {
    commands: Vec<Command>,
    closed: bool,
}

impl Queue {
    /// `limit` bounds how many entries wait; `timeout` how long each does.
    pub(super) fn new(limit: usize, timeout: Duration) -> Self {
        let (waiting, changed) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { waiting, changed, limit }), timeout }
    }

    /// Records `passage` and waits until it is committed and flushed to disk.
    ///
    /// After [`StoreError::Busy`] nothing was recorded. After [`StoreError::TimedOut`] and
    /// [`StoreError::Unreachable`] it may have been, and recording it again is safe.
    pub async fn record(&self, passage: Passage) -> Result<Recorded, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.push(Command { passage, answer })?;
        match timeout(self.timeout, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(stopped()),
            Err(_) => Err(StoreError::TimedOut(self.timeout)),
        }
    }

    /// How many entries wait now.
    pub fn depth(&self) -> usize {
        self.shared.lock().commands.len()
    }

    /// How many entries may wait at most.
    pub fn limit(&self) -> usize {
        self.shared.limit
    }

    fn push(&self, command: Command) -> Result<(), StoreError> {
        let mut waiting = self.shared.lock();
        if waiting.closed {
            return Err(stopped());
        }
        if waiting.commands.len() >= self.shared.limit {
            return Err(StoreError::Busy);
        }
        waiting.commands.push(command);
        let is_first = waiting.commands.len() == 1;
        drop(waiting);
        // The writer takes all commands at once, so the others need no signal.
        if is_first {
            self.shared.changed.notify_one();
        }
        Ok(())
    }

    /// Refuses further commands. Those that wait can still be taken.
    pub(super) fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }

    /// Moves all waiting commands to `batch`, which is empty; waits for the first. Returns `false`
    /// once the queue is closed and empty.
    pub(super) fn take_all(&self, batch: &mut Vec<Command>) -> bool {
        let waiting = self.shared.lock();
        let idle = |waiting: &mut Waiting| waiting.commands.is_empty() && !waiting.closed;
        let mut waiting =
            self.shared.changed.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner);
        // Two vectors take turns, so neither is allocated again.
        std::mem::swap(&mut waiting.commands, batch);
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
