use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::store::{Backlog, Store, StoreError};

/// Runs reads against a store: as many at once as there are connections, first come first served,
/// each in a blocking thread.
///
/// Only half of the connections serve long reads. A read that turns out to be long while that many
/// are running gives its connection back and starts again when it is its turn, so that short reads
/// never wait for long ones.
#[derive(Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    connections: Arc<Semaphore>,
    long_reads: Arc<Semaphore>,
    /// How many reads there are connections for.
    limit: usize,
    /// How many reads wait for their turn.
    waiting: Arc<AtomicUsize>,
    timeout: Duration,
}

/// How many reads run and wait at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLoad {
    pub running: usize,
    pub waiting: usize,
}

/// A read that waits for its turn. However the wait ends, it is not counted any more then.
struct Waiting<'a>(&'a AtomicUsize);

/// The progress of a read of unknown length. Its timeout counts from the last sign of life.
pub struct Progress {
    alive: watch::Sender<()>,
    length: RefCell<Length>,
}

enum Length {
    /// Short so far; a long read needs a permit of these.
    Short(Arc<Semaphore>),
    Long {
        _permit: OwnedSemaphorePermit,
    },
}

impl Progress {
    /// The store has answered something.
    pub fn mark_alive(&self) {
        self.alive.send_replace(());
    }

    /// A portion is done and the read goes on: it is a long one. An error means that too many long
    /// reads are running; the read must end with it, and is started again later.
    pub fn mark_portion(&self) -> Result<(), StoreError> {
        self.mark_alive();
        let mut length = self.length.borrow_mut();
        if let Length::Short(permits) = &*length {
            let permit = permits.clone().try_acquire_owned().map_err(|_| StoreError::Deferred)?;
            *length = Length::Long { _permit: permit };
        }
        Ok(())
    }
}

impl Reader {
    /// `connections` bounds how many reads run at once. `timeout` bounds how long a read waits for
    /// the store: first its turn and its connection together, then each answer.
    pub fn new(store: Arc<dyn Store>, connections: usize, timeout: Duration) -> Self {
        let long_reads = (connections / 2).max(1);
        Self {
            store,
            connections: Arc::new(Semaphore::new(connections)),
            long_reads: Arc::new(Semaphore::new(long_reads)),
            limit: connections,
            waiting: Arc::default(),
            timeout,
        }
    }

    /// The store itself, for a thread that may block.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// How long a read waits for the store.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A read that was left behind after its timeout counts as running until the store returns.
    pub fn load(&self) -> ReadLoad {
        ReadLoad {
            running: self.limit - self.connections.available_permits(),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    /// The kind of the store, for people and programs.
    pub fn kind(&self) -> &'static str {
        self.store.kind()
    }

    /// The version of the last migration that this binary has for the store.
    pub fn last_known_migration(&self) -> Option<String> {
        let known = self.store.known_migrations().ok()?;
        known.last().map(|migration| migration.version.clone())
    }

    /// Runs a short `read`. After the timeout it is left behind in its thread, and still counted as
    /// running, until the store returns.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let length = Length::Short(self.long_reads.clone());
        self.run(deadline, length, |store, _| read(store)).await
    }

    /// What a gate agent still holds, if everything up to the id `after` was forwarded or held back.
    pub async fn backlog(&self, after: i64) -> Result<Backlog, StoreError> {
        self.read(move |store| match store.forwards() {
            Some(forwards) => forwards.backlog(after),
            None => Err(StoreError::defect("this store cannot be forwarded")),
        })
        .await
    }

    /// Runs a `read` of unknown length that no other request shares. It may be started twice.
    pub async fn read_long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read_any_length(self.timeout, read).await
    }

    /// Runs a `read` of unknown length, which may be started twice. `first_wait` replaces the
    /// timeout up to the store's first answer.
    pub(super) async fn read_any_length<T: Send + 'static>(
        &self,
        first_wait: Duration,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + first_wait;
        let length = Length::Short(self.long_reads.clone());
        match self.run(deadline, length, read.clone()).await {
            Err(StoreError::Deferred) => {
                let permit = self.acquire(&self.long_reads, deadline).await?;
                self.run(deadline, Length::Long { _permit: permit }, read).await
            }
            outcome => outcome,
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        mut deadline: Instant,
        length: Length,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = self.acquire(&self.connections, deadline).await?;
        let store = self.store.clone();
        let (alive, mut answers) = watch::channel(());
        let thread = spawn_blocking(move || {
            let _connection = connection;
            read(&*store, &Progress { alive, length: RefCell::new(length) })
        });
        // The channel closes when the read is over, however it ends.
        let timed_out = |_| StoreError::TimedOut(self.timeout);
        while timeout_at(deadline, answers.changed()).await.map_err(timed_out)?.is_ok() {
            deadline = Instant::now() + self.timeout;
        }
        thread.await.map_err(StoreError::defect)?
    }

    async fn acquire(
        &self,
        permits: &Arc<Semaphore>,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, StoreError> {
        let _waiting = Waiting::begin(&self.waiting);
        timeout_at(deadline, permits.clone().acquire_owned())
            .await
            .map_err(|_| StoreError::TimedOut(self.timeout))?
            .map_err(StoreError::defect)
    }
}

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
