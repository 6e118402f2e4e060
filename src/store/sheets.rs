//! Where sheets are read: from a read replica if there is one, and from the primary while the
//! replica is away, too far behind, or not migrated yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::trail::Trail;
use super::{Progress, Reader, Store, StoreError};

/// How far behind a replica may be and still serve sheets.
const MAX_LAG: Duration = Duration::from_secs(30);

/// How often the primary is asked where it is: so much is said too much of a replica's lag.
const STEP: Duration = Duration::from_millis(500);

/// How long a replica that failed is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// Reads sheets.
pub struct Sheets {
    primary: Reader,
    replica: Option<Replica>,
}

/// Which server a sheet was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// There is no other.
    Primary,
    /// The replica, which was at most this far behind the primary.
    Replica { lag: Duration },
    /// The primary, because the replica could not serve it.
    InsteadOfReplica,
}

impl Sheets {
    pub fn from_primary(primary: Reader) -> Self {
        Self { primary, replica: None }
    }

    /// Starts a thread that keeps an eye on the primary for as long as this lives.
    pub fn from_replica(primary: Reader, replica: Arc<dyn Store>, connections: usize) -> Self {
        let reader = Reader::new(replica, connections, Self::replica_timeout(primary.timeout()));
        let trail = Arc::new(Mutex::new(Trail::new(MAX_LAG)));
        let (store, watched) = (primary.store(), Arc::downgrade(&trail));
        thread::spawn(move || watch(&*store, &watched));
        Self { primary, replica: Some(Replica { reader, trail, rests_until: Mutex::new(None) }) }
    }

    /// How long a replica is waited for, where a request waits for `timeout` in all: the rest is
    /// left for the primary.
    pub fn replica_timeout(timeout: Duration) -> Duration {
        timeout / 4
    }

    /// Runs `read` where sheets are read; a second time, on the primary, if the replica fails.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&dyn Store, &Progress) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<(T, Source), StoreError> {
        let Some(replica) = &self.replica else {
            return Ok((self.primary.read(read).await?, Source::Primary));
        };
        let begun = Instant::now();
        if let Some((sheet, lag)) = replica.read(read.clone()).await {
            return Ok((sheet, Source::Replica { lag }));
        }
        let spent = begun.elapsed().min(replica.reader.timeout());
        let left = self.primary.timeout() - spent;
        Ok((self.primary.read_within(left, read).await?, Source::InsteadOfReplica))
    }
}

/// Asks the primary again and again where it is. Whether it answers is others' matter.
fn watch(primary: &dyn Store, trail: &Weak<Mutex<Trail>>) {
    while let Some(trail) = trail.upgrade() {
        let asked = Instant::now();
        if let Ok(position) = primary.position() {
            lock(&trail).add(asked, position.bytes);
        }
        drop(trail);
        thread::sleep(STEP);
    }
}

/// What is behind the lock stays whole, whoever panics with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server that follows the primary.
struct Replica {
    reader: Reader,
    trail: Arc<Mutex<Trail>>,
    /// After a failure. Only changes are logged.
    rests_until: Mutex<Option<Instant>>,
}

impl Replica {
    /// `None` if it cannot be read now.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<(T, Duration)> {
        if self.rests() {
            return None;
        }
        let trail = self.trail.clone();
        let outcome = self.reader.read(move |store, progress| {
            // Asked before the rows: they are at least as fresh as this says.
            let position = store.position()?;
            if !position.follows {
                let why = "it records by itself, so it is nobody's replica";
                return Err(StoreError::Refused(why.into()));
            }
            let lag = lock(&trail).lag(position.bytes, Instant::now());
            let lag = lag.ok_or(StoreError::Stale(MAX_LAG))?;
            progress.mark();
            Ok((read(store, progress)?, lag))
        });
        let outcome = outcome.await;
        self.note(outcome.as_ref().err());
        outcome.ok()
    }

    fn rests(&self) -> bool {
        lock(&self.rests_until).is_some_and(|until| Instant::now() < until)
    }

    fn note(&self, failure: Option<&StoreError>) {
        let until = failure.map(|_| Instant::now() + PAUSE);
        let before = std::mem::replace(&mut *lock(&self.rests_until), until);
        match (before, failure) {
            (None, Some(error)) => {
                tracing::warn!(%error, "the replica cannot serve sheets; the primary does");
            }
            (Some(_), None) => tracing::info!("the replica serves sheets again"),
            _ => {}
        }
    }
}
