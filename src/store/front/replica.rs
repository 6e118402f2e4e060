use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::follower::Following;
use super::trail::{Lag, Trail};
use super::{Progress, Reader};
use crate::error_chain::ErrorChain;
use crate::store::{Position, Replication, Store, StoreError};

/// The highest lag of a replica that still serves sheets.
const MAX_LAG: Duration = Duration::from_secs(30);

/// How often the primary's position is noted. A replica's lag is known to this precision.
const STEP: Duration = Duration::from_millis(500);

/// How long a replica is not asked after a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// A server that follows the primary and serves sheets while its lag is known to be small.
pub(super) struct Replica {
    reader: Reader,
    trail: Arc<Mutex<Trail>>,
    /// Set after a failure. Only changes are logged.
    paused_until: Mutex<Option<Instant>>,
}

impl Replica {
    /// Starts a thread that notes the primary's position for as long as this lives, and what
    /// `following` finds.
    pub(super) fn new(reader: Reader, primary: Arc<dyn Store>, following: Arc<Following>) -> Self {
        let trail = Arc::new(Mutex::new(Trail::new(MAX_LAG)));
        let noted = Arc::downgrade(&trail);
        thread::spawn(move || note_positions(&*primary, &following, &noted));
        Self { reader, trail, paused_until: Mutex::new(None) }
    }

    /// The result, and the lag that it may have; `None` if the replica cannot be read now.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Option<(T, Lag)> {
        if lock(&self.paused_until).is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let trail = self.trail.clone();
        let outcome = self.reader.read_any_length(self.reader.timeout(), move |store, progress| {
            // Asked before the rows are read, so they are at least as recent as this says.
            let position = position(store)?;
            if !position.is_replica {
                return Err(StoreError::refused("the server is not a replica"));
            }
            let lag = lock(&trail).lag(position.bytes, Instant::now());
            let lag = lag.ok_or(StoreError::Stale(MAX_LAG))?;
            progress.mark_alive();
            Ok((read(store, progress)?, lag))
        });
        let outcome = outcome.await;
        self.log_change(outcome.as_ref().err());
        outcome.ok()
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// How long a read waits for the replica.
    pub(super) fn timeout(&self) -> Duration {
        self.reader.timeout()
    }

    fn log_change(&self, failure: Option<&StoreError>) {
        let until = failure.map(|_| Instant::now() + PAUSE);
        let before = std::mem::replace(&mut *lock(&self.paused_until), until);
        match (before, failure) {
            (None, Some(error)) => {
                let error = ErrorChain(error);
                tracing::warn!(%error, "the replica cannot serve sheets; the primary does");
            }
            (Some(_), None) => tracing::info!("the replica serves sheets again"),
            _ => {}
        }
    }
}

/// Notes the primary's position again and again. A failure is not logged here: requests meet it too.
fn note_positions(primary: &dyn Store, following: &Following, trail: &Weak<Mutex<Trail>>) {
    while let Some(trail) = trail.upgrade() {
        // Before the position, so that the log has these changes up to there. They are flushed,
        // because every connection that records flushes what it commits.
        let settled = following.known().horizon.settled();
        let asked = Instant::now();
        if let Ok(position) = position(primary) {
            lock(&trail).add(asked, position.bytes, settled);
        }
        // The next position gets what this look finds.
        drop(following.ask());
        drop(trail);
        thread::sleep(STEP);
    }
}

fn position(store: &dyn Store) -> Result<Position, StoreError> {
    let no_replicas = || StoreError::refused("this kind of store has no replicas");
    store.replication().ok_or_else(no_replicas).and_then(Replication::position)
}

/// No panic can happen while the lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
