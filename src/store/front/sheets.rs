use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::replica::Replica;
use super::shared_reads::SharedReads;
use super::{Progress, Reader};
use crate::store::{Store, StoreError};

/// Reads sheets: from a read replica if there is one, and from the primary while the replica is
/// away, too far behind, or not migrated yet. Requests for the same sheet share a read.
pub struct Sheets<K, T> {
    servers: Arc<Servers>,
    shared: SharedReads<K, (T, Source)>,
}

/// The server that a sheet was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// There is no replica.
    Primary,
    /// The replica; `lag` is an upper bound.
    Replica { lag: Duration },
    /// The primary, because the replica could not serve it.
    InsteadOfReplica,
}

struct Servers {
    primary: Reader,
    replica: Option<Replica>,
}

/// How long a request waits for a replica, if it waits for `timeout` in all. The rest is left for
/// the primary.
pub fn replica_timeout(timeout: Duration) -> Duration {
    timeout / 4
}

impl<K, T> Sheets<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub fn from_primary(primary: Reader) -> Self {
        let servers = Arc::new(Servers { primary, replica: None });
        Self { servers, shared: SharedReads::new() }
    }

    /// `connections` bounds how many sheets are read from the replica at once.
    pub fn from_replica(primary: Reader, replica: Arc<dyn Store>, connections: usize) -> Self {
        let reader = Reader::new(replica, connections, replica_timeout(primary.timeout()));
        let replica = Some(Replica::new(reader, primary.store()));
        let servers = Arc::new(Servers { primary, replica });
        Self { servers, shared: SharedReads::new() }
    }

    /// Runs `read`, which reads what `key` names, unless another request that waits runs it. It is
    /// run again, on the primary, if the replica fails.
    pub async fn read(
        &self,
        key: K,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<(T, Source), StoreError> {
        let servers = self.servers.clone();
        // The timeout includes the wait for another read of the same thing.
        let asked = Instant::now();
        self.shared.read(key, async move { servers.read(asked, read).await }).await
    }
}

impl Servers {
    async fn read<T: Send + 'static>(
        &self,
        asked: Instant,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<(T, Source), StoreError> {
        let timeout = self.primary.timeout().saturating_sub(asked.elapsed());
        let Some(replica) = &self.replica else {
            return Ok((self.primary.read_any_length(timeout, read).await?, Source::Primary));
        };
        let begun = Instant::now();
        if let Some((sheet, lag)) = replica.read(read.clone()).await {
            return Ok((sheet, Source::Replica { lag }));
        }
        let spent = begun.elapsed().min(replica.timeout());
        let sheet = self.primary.read_any_length(timeout.saturating_sub(spent), read).await?;
        Ok((sheet, Source::InsteadOfReplica))
    }
}
