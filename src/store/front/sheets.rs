use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::replica::Replica;
use super::shared_reads::SharedReads;
use super::{ChangeFeed, Progress, Reader};
use crate::store::{Store, StoreError};

/// Reads sheets: from a read replica if there is one, and from the primary while the replica is
/// away, too far behind, or not migrated yet. Requests for the same sheet share a read.
pub struct Sheets<K, T> {
    servers: Arc<Servers>,
    shared: SharedReads<K, ReadSheet<T>>,
}

/// A sheet, and what is known of it.
#[derive(Debug, Clone)]
pub struct ReadSheet<T> {
    pub sheet: T,
    pub source: Source,
    /// It contains every change up to this number, and perhaps some above it.
    pub change: i64,
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
    feed: ChangeFeed,
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
    /// `feed` is that of the primary.
    pub fn from_primary(primary: Reader, feed: ChangeFeed) -> Self {
        let servers = Arc::new(Servers { primary, feed, replica: None });
        Self { servers, shared: SharedReads::new() }
    }

    /// `connections` bounds how many sheets are read from the replica at once.
    pub fn from_replica(
        primary: Reader,
        feed: ChangeFeed,
        replica: Arc<dyn Store>,
        connections: usize,
    ) -> Self {
        let reader = Reader::new(replica, connections, replica_timeout(primary.timeout()));
        let replica = Some(Replica::new(reader, primary.store(), feed.following()));
        let servers = Arc::new(Servers { primary, feed, replica });
        Self { servers, shared: SharedReads::new() }
    }

    /// What reads from the replica, if there is one.
    pub fn replica_reader(&self) -> Option<&Reader> {
        self.servers.replica.as_ref().map(Replica::reader)
    }

    /// Runs `read`, which reads what `key` names, unless another request that waits runs it. It is
    /// run again, on the primary, if the replica fails.
    pub async fn read(
        &self,
        key: K,
        read: impl FnOnce(&dyn Store, &Progress) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<ReadSheet<T>, StoreError> {
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
    ) -> Result<ReadSheet<T>, StoreError> {
        let timeout = self.primary.timeout().saturating_sub(asked.elapsed());
        let (mut source, mut spent) = (Source::Primary, Duration::ZERO);
        if let Some(replica) = &self.replica {
            let begun = Instant::now();
            if let Some((sheet, lag)) = replica.read(read.clone()).await {
                let source = Source::Replica { lag: lag.time };
                return Ok(ReadSheet { sheet, source, change: lag.settled });
            }
            source = Source::InsteadOfReplica;
            spent = begun.elapsed().min(replica.timeout());
        }
        // Before the read takes its snapshot, so that the snapshot contains these changes.
        let change = self.feed.settled().await;
        let sheet = self.primary.read_any_length(timeout.saturating_sub(spent), read).await?;
        Ok(ReadSheet { sheet, source, change })
    }
}
