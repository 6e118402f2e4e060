//! Where sheets are read: from a read replica if there is one, and from the primary while the
//! replica is away, too far behind, or not migrated yet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rocket::tokio::time::Instant;

use super::{Progress, Reader, Store, StoreError};

/// How far behind a replica may be and still serve sheets.
const MAX_LAG: Duration = Duration::from_secs(30);

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
    /// The replica, which was this far behind the primary.
    Replica { lag: Duration },
    /// The primary, because the replica could not serve it.
    InsteadOfReplica,
}

impl Sheets {
    pub fn from_primary(primary: Reader) -> Self {
        Self { primary, replica: None }
    }

    /// `replica` is given half of the primary's time-out, so that the other half is left for the
    /// primary.
    pub fn from_replica(primary: Reader, replica: Arc<dyn Store>, connections: usize) -> Self {
        let reader = Reader::new(replica, connections, Self::replica_timeout(primary.timeout()));
        Self { primary, replica: Some(Replica { reader, rests_until: Mutex::new(None) }) }
    }

    /// How long a replica is waited for, where a request waits for `timeout` in all.
    pub fn replica_timeout(timeout: Duration) -> Duration {
        timeout / 2
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

/// A server that follows the primary.
struct Replica {
    reader: Reader,
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
        let outcome = self.reader.read(move |store, progress| {
            // Asked before the rows: they are at least as fresh as this says.
            let lag = store.lag()?;
            if lag > MAX_LAG {
                return Err(StoreError::Stale(lag));
            }
            progress.mark();
            Ok((read(store, progress)?, lag))
        });
        let outcome = outcome.await;
        self.note(outcome.as_ref().err());
        outcome.ok()
    }

    fn rests(&self) -> bool {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn note(&self, failure: Option<&StoreError>) {
        let until = failure.map(|_| Instant::now() + PAUSE);
        let before = std::mem::replace(
            &mut *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner),
            until,
        );
        match (before, failure) {
            (None, Some(error)) => {
                tracing::warn!(%error, "the replica cannot serve sheets; the primary does");
            }
            (Some(_), None) => tracing::info!("the replica serves sheets again"),
            _ => {}
        }
    }
}
