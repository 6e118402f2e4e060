//! The gate in front of reads: so many at once as there are connections, first come first served,
//! each in a blocking thread, and none waiting for the store longer than the time-out.

use std::sync::Arc;
use std::time::Duration;

use rocket::tokio::sync::{Semaphore, watch};
use rocket::tokio::task::spawn_blocking;
use rocket::tokio::time::{Instant, timeout_at};

use super::{Store, StoreError};

/// Runs reads against a store.
#[derive(Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    permits: Arc<Semaphore>,
    timeout: Duration,
}

/// How a long read says that it gets on, so that the time-out counts from its last sign of life.
pub struct Progress(watch::Sender<()>);

impl Progress {
    /// The store has answered something.
    pub fn mark(&self) {
        self.0.send_replace(());
    }
}

impl Reader {
    /// `connections` bounds how many reads run at once; `timeout` how long one waits for the
    /// store: its turn and its connection included, and after that from answer to answer.
    pub fn new(store: Arc<dyn Store>, connections: usize, timeout: Duration) -> Self {
        Self { store, permits: Arc::new(Semaphore::new(connections)), timeout }
    }

    /// The store itself, for a thread that may block.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// How long a read waits for the store.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The store's kind, for people and programs.
    pub fn kind(&self) -> &'static str {
        self.store.kind()
    }

    /// The last migration that this binary knows for the store, by its version.
    pub fn last_known_migration(&self) -> Option<String> {
        let known = self.store.known_migrations().ok()?;
        known.last().map(|migration| migration.version.clone())
    }

    /// Runs `read` in a blocking thread. If the time is up it is left behind there, still counted
    /// as running, until the store lets it go.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read_within(self.timeout, read).await
    }

    /// The same for a request that has waited before: `left` is what it has left of the time-out.
    pub(super) async fn read_within<T: Send + 'static>(
        &self,
        left: Duration,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut deadline = Instant::now() + left;
        let timed_out = || StoreError::TimedOut(self.timeout);
        let permit = timeout_at(deadline, self.permits.clone().acquire_owned())
            .await
            .map_err(|_| timed_out())?
            .map_err(|e| StoreError::Defect(e.to_string()))?;

        let store = self.store.clone();
        let (sender, mut progress) = watch::channel(());
        let thread = spawn_blocking(move || {
            let _permit = permit;
            read(&*store, &Progress(sender))
        });
        // The channel closes when the read is over, however it ends.
        while timeout_at(deadline, progress.changed()).await.map_err(|_| timed_out())?.is_ok() {
            deadline = Instant::now() + self.timeout;
        }
        thread.await.map_err(|e| StoreError::Defect(format!("a read failed: {e}")))?
    }
}
