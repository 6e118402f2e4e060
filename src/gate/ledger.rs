use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::delivery::Delivery;
use super::parcel::Parcel;
use crate::store::{Backlog, Mark, Outbox, Settled, Store, StoreError};

/// The shortest time between two writes of the mark. What is forwarded in between and not noted is
/// forwarded again after a crash, which changes nothing.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// When entries that the upstream failed to store are sent again.
const RETRY_EVERY: Duration = Duration::from_secs(30);

/// How long a count of what is left stands in for a new one while there is much to forward.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// How often old entries are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(3600);

/// How many old entries are deleted at once, so that recording is not held up.
const EXPIRED_AT_ONCE: usize = 100;

/// The pause between two such deletions.
const EXPIRE_PAUSE: Duration = Duration::from_millis(50);

/// What there is to forward, and how far that went.
pub(super) struct Ledger {
    store: Arc<dyn Store>,
    /// Opened again after an error.
    outbox: Option<Box<dyn Outbox>>,
    upstream: String,
    keep: TimeDelta,
    /// `None` until the store was read for the first time.
    mark: Option<Mark>,
    is_saved: bool,
    save_at: Instant,
    retry_at: Instant,
    /// The last entry that was retried in this turn.
    retried: i64,
    counted: Option<(Backlog, Instant)>,
    expire_at: Instant,
    /// The first id that the next deletion looks at.
    expire_from: i64,
}

impl Ledger {
    /// `upstream` names it: with another one everything is forwarded again. Forwarded entries are kept
    /// for as long as `keep`.
    pub(super) fn new(store: Arc<dyn Store>, upstream: String, keep: TimeDelta) -> Self {
        let now = Instant::now();
        Self {
            store,
            outbox: None,
            upstream,
            keep,
            mark: None,
            is_saved: true,
            save_at: now,
            retry_at: now,
            retried: 0,
            counted: None,
            expire_at: now,
            expire_from: 0,
        }
    }

    /// How far everything was forwarded.
    pub(super) fn mark(&self) -> Mark {
        self.mark.unwrap_or_default()
    }

    /// What is to be sent next: entries that are due for a retry, else the oldest that were not sent. `as_of`
    /// must have been read before.
    pub(super) fn gather(
        &mut self,
        as_of: DateTime<Utc>,
        limit: usize,
    ) -> Result<Parcel, StoreError> {
        self.with_outbox(|ledger, outbox| {
            if ledger.retry_at <= Instant::now() {
                let entries = outbox.postponed(ledger.retried, limit)?;
                if !entries.is_empty() {
                    let mut left = outbox.backlog(ledger.mark().up_to)?;
                    left.pending = left.pending.saturating_sub(entries.len() as u64);
                    return Ok(Parcel { entries, is_retry: true, as_of, left, has_more: true });
                }
                (ledger.retried, ledger.retry_at) = (0, Instant::now() + RETRY_EVERY);
            }
            let up_to = ledger.mark().up_to;
            let entries = outbox.entries(up_to, limit)?;
            let has_more = entries.len() == limit;
            let last = entries.last().map_or(up_to, |entry| entry.id);
            let left = match has_more {
                true => ledger.count(outbox, last, entries.len())?,
                false => outbox.backlog(last)?,
            };
            Ok(Parcel { entries, is_retry: false, as_of, left, has_more })
        })
    }

    /// A report without entries.
    pub(super) fn report(&mut self, as_of: DateTime<Utc>) -> Result<Parcel, StoreError> {
        let left = self.with_outbox(|ledger, outbox| outbox.backlog(ledger.mark().up_to))?;
        Ok(Parcel { entries: Vec::new(), is_retry: false, as_of, left, has_more: true })
    }

    /// What is left after the entry `last`, the last of `sending`. To count many entries takes long, so
    /// that this may be a second old; then it is as if nothing had come, and nothing old had gone.
    fn count(
        &mut self,
        outbox: &mut dyn Outbox,
        last: i64,
        sending: usize,
    ) -> Result<Backlog, StoreError> {
        let backlog = match self.counted {
            Some((counted, at))
                if at.elapsed() < COUNT_EVERY && counted.oldest_pending.is_some() =>
            {
                // Something may be left, and a report of nothing must be right.
                let pending = counted.pending.saturating_sub(sending as u64).max(1);
                self.counted = Some((Backlog { pending, ..counted }, at));
                return Ok(Backlog { pending, ..counted });
            }
            _ => outbox.backlog(last)?,
        };
        self.counted = Some((backlog, Instant::now()));
        Ok(backlog)
    }

    /// Notes what happened to a parcel. After an error it must be sent again.
    pub(super) fn settle(
        &mut self,
        parcel: &Parcel,
        delivery: Delivery,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(last) = parcel.entries.last() else { return Ok(()) };
        let Delivery { stored, held_back } = delivery;
        let mut mark = self.mark();
        if !stored.is_empty() {
            mark.last_forwarded_at = Some(now);
        }
        let released = if parcel.is_retry { stored } else { Vec::new() };
        if !parcel.is_retry {
            mark.up_to = last.id;
        }
        self.is_saved = false;
        if !held_back.is_empty() || !released.is_empty() {
            self.counted = None;
            // The mark must not pass an entry that is noted nowhere.
            self.save_now(Settled { mark, held_back, released })?;
        }
        self.mark = Some(mark);
        if parcel.is_retry {
            self.retried = last.id;
        }
        Ok(())
    }

    /// Does what is due apart from sending.
    pub(super) fn maintain(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        if !self.is_saved && self.save_at <= Instant::now() {
            self.save()?;
        }
        match self.mark {
            Some(_) if self.expire_at <= Instant::now() => self.expire(now),
            _ => Ok(()),
        }
    }

    /// When something is due again apart from new entries.
    pub(super) fn next_due(&self) -> Instant {
        let due = self.retry_at.min(self.expire_at);
        if self.is_saved { due } else { due.min(self.save_at) }
    }

    /// Keeps the mark, if it has changed.
    pub(super) fn save(&mut self) -> Result<(), StoreError> {
        match self.mark {
            Some(mark) if !self.is_saved => self.save_now(Settled { mark, ..Settled::default() }),
            _ => Ok(()),
        }
    }

    fn save_now(&mut self, settled: Settled) -> Result<(), StoreError> {
        self.save_at = Instant::now() + SAVE_EVERY;
        self.with_outbox(|_, outbox| outbox.save(&settled))?;
        self.is_saved = true;
        Ok(())
    }

    /// Deletes some of the forwarded entries that are old.
    fn expire(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.expire_at = Instant::now() + EXPIRE_EVERY;
        let Some(before) = now.checked_sub_signed(self.keep) else { return Ok(()) };
        let from = self.expire_from;
        let next =
            self.with_outbox(|_, outbox| outbox.delete_forwarded(from, EXPIRED_AT_ONCE, before))?;
        self.expire_from = next.unwrap_or(0);
        if next.is_some() {
            self.expire_at = Instant::now() + EXPIRE_PAUSE;
        }
        Ok(())
    }

    /// Uses the outbox, which is given up after an error.
    fn with_outbox<T>(
        &mut self,
        with: impl FnOnce(&mut Self, &mut dyn Outbox) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut outbox = match self.outbox.take() {
            Some(outbox) => outbox,
            None => {
                let forwards = self.store.forwards();
                let forwards =
                    forwards.ok_or_else(|| StoreError::defect("this store cannot be forwarded"))?;
                forwards.outbox()?
            }
        };
        if self.mark.is_none() {
            self.mark = Some(outbox.begin(&self.upstream)?);
        }
        let done = with(self, &mut *outbox)?;
        self.outbox = Some(outbox);
        Ok(done)
    }
}
