use chrono::{DateTime, Utc};

use super::StoreError;
use crate::domain::{Entry, UpstreamAnswer};

/// A store whose entries a gate agent can forward to an upstream.
pub trait Forwards {
    /// Opens a connection for the agent.
    fn outbox(&self) -> Result<Box<dyn Outbox>, StoreError>;

    /// What is left to forward, if everything up to the id `after` was forwarded or held back.
    fn backlog(&self, after: i64) -> Result<Backlog, StoreError>;
}

/// One connection that reads what is to be forwarded, and keeps how far that went; used by one thread.
///
/// Entries that are voided or replaced are left out, because only entries are forwarded.
pub trait Outbox: Send {
    /// How far entries were forwarded to `upstream`: nothing, if it is another than before. Entries
    /// that it rejected are tried again.
    fn begin(&mut self, upstream: &str) -> Result<Mark, StoreError>;

    /// Up to `limit` entries with ids above `after`, by ascending id. Fewer mean that these are all.
    fn entries(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// The same for entries that are held back and not rejected.
    fn postponed(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// What is left to forward, if everything up to the id `after` was forwarded or held back.
    fn backlog(&mut self, after: i64) -> Result<Backlog, StoreError>;

    /// Keeps the progress, in one transaction that does not wait for the disk: a progress that is lost
    /// is made again.
    fn save(&mut self, settled: &Settled) -> Result<(), StoreError>;

    /// Deletes up to `limit` forwarded entries with ids from `from` that were received before `moment`.
    /// Returns the id to go on from, if there may be more.
    fn delete_forwarded(
        &mut self,
        from: i64,
        limit: usize,
        moment: DateTime<Utc>,
    ) -> Result<Option<i64>, StoreError>;
}

/// How far entries were forwarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// Everything up to this id was forwarded or held back.
    pub up_to: i64,
    pub last_forwarded_at: Option<DateTime<Utc>>,
}

/// What has happened to entries since the last [`Outbox::save`].
#[derive(Debug, Clone, Default)]
pub struct Settled {
    pub mark: Mark,
    /// Entries that the upstream did not store, with its answer.
    pub held_back: Vec<(i64, UpstreamAnswer)>,
    /// Entries that were held back and are forwarded now.
    pub released: Vec<i64>,
}

/// What an agent still holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Entries that wait to be forwarded, rejected ones not included.
    pub pending: u64,
    /// The earliest `login` of these.
    pub oldest_pending: Option<DateTime<Utc>>,
    /// How many of these the upstream has failed to store.
    pub postponed: u64,
    pub rejected: Rejected,
}

/// Entries that the upstream has rejected, by its reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rejected {
    pub invalid: u64,
    pub forbidden: u64,
    /// The upstream has other entries under their `entry_id`.
    pub reused: u64,
    /// The earliest `login` of those that can still be stored one day: of all but the reused.
    pub oldest: Option<DateTime<Utc>>,
}

impl Rejected {
    pub fn count(&self) -> u64 {
        self.invalid + self.forbidden + self.reused
    }
}

impl Backlog {
    /// The number and the earliest `login` of the entries that the upstream may still get.
    pub fn may_follow(&self) -> (u64, Option<DateTime<Utc>>) {
        let Rejected { invalid, forbidden, oldest, .. } = self.rejected;
        let oldest = [self.oldest_pending, oldest].into_iter().flatten().min();
        (self.pending + invalid + forbidden, oldest)
    }
}
