//! The tokens of this process: read by one thread, looked up by every request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use std::{io, thread};

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::timeout;

use super::token_set::TokenSet;
use crate::domain::{Caller, TokenHash};
use crate::error_chain::ErrorChain;
use crate::store::{Store, StoreError};

/// The longest time between two reads of the set.
const READ_EVERY: Duration = Duration::from_secs(2);

/// The shortest time between two reads that unknown tokens cause.
const READ_FOR_UNKNOWN_EVERY: Duration = Duration::from_secs(1);

/// Finds out who sends a token, without a query of its own. While the store is away, the last set
/// of tokens holds.
pub struct Credentials {
    shared: Arc<Shared>,
    /// The admin whose token is a setting.
    admin: Option<(TokenHash, Arc<Caller>)>,
    /// How long a request waits for the store.
    timeout: Duration,
}

struct Shared {
    set: RwLock<Arc<TokenSet>>,
    wanted: Mutex<Wanted>,
    /// Signalled when a read is wanted, and at the end.
    changed: Condvar,
    /// The last read that has ended.
    ended: watch::Sender<Ended>,
}

/// What requests want of the thread. Reads are numbered from 1.
struct Wanted {
    /// The read that began last.
    begun: u64,
    /// The read that must begin at once, if it has not begun.
    read: u64,
    /// The last read that an unknown token caused, and when it was wanted.
    for_unknown: Option<(u64, Instant)>,
    closed: bool,
}

#[derive(Default)]
struct Ended {
    read: u64,
    /// Why it failed, if it did.
    error: Option<StoreError>,
}

impl Credentials {
    /// Starts the thread, which ends when this is dropped.
    pub fn start(
        store: Arc<dyn Store>,
        admin: Option<TokenHash>,
        timeout: Duration,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            set: RwLock::default(),
            wanted: Mutex::new(Wanted { begun: 0, read: 1, for_unknown: None, closed: false }),
            changed: Condvar::new(),
            ended: watch::Sender::new(Ended::default()),
        });
        let thread_shared = shared.clone();
        thread::Builder::new().name("tokens".into()).spawn(move || thread_shared.run(&*store))?;
        let admin = admin.map(|hash| (hash, Arc::new(Caller::env_admin())));
        Ok(Self { shared, admin, timeout })
    }

    /// The caller with this token; `None` if it is unknown, revoked or expired. Fails where that
    /// cannot be found out.
    pub async fn find(
        &self,
        hash: &TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Caller>>, StoreError> {
        // Hashes are compared, not secrets, so that the time it takes tells nothing.
        if let Some((admin, caller)) = &self.admin
            && admin == hash
        {
            return Ok(Some(caller.clone()));
        }
        if let Some(found) = self.shared.set().find(hash, now) {
            return Ok(found);
        }
        let read = self.shared.want_for_unknown();
        self.wait_for(read).await?;
        Ok(self.shared.set().find(hash, now).flatten())
    }

    /// Whether a token that was found before is still valid, by the last set that was read. This is
    /// not noted as a use.
    pub fn is_valid(&self, hash: &TokenHash, now: DateTime<Utc>) -> bool {
        let is_admin = self.admin.as_ref().is_some_and(|(admin, _)| admin == hash);
        is_admin || self.shared.set().is_valid(hash, now)
    }

    /// Reads the set again, after this process has changed it.
    pub async fn read_again(&self) -> Result<(), StoreError> {
        let read = self.shared.want();
        self.wait_for(read).await
    }

    /// Waits until this read, or a later one, has ended.
    async fn wait_for(&self, read: u64) -> Result<(), StoreError> {
        let mut ended = self.shared.ended.subscribe();
        let waited = timeout(self.timeout, ended.wait_for(|ended| ended.read >= read)).await;
        match waited.map_err(|_| StoreError::TimedOut(self.timeout))? {
            Ok(ended) => ended.error.clone().map_or(Ok(()), Err),
            Err(_) => Err(StoreError::unreachable("the service is stopping")),
        }
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        self.shared.wanted().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn set(&self) -> Arc<TokenSet> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wants a read that begins after now. Returns its number.
    fn want(&self) -> u64 {
        let mut wanted = self.wanted();
        wanted.read = wanted.begun + 1;
        self.changed.notify_all();
        wanted.read
    }

    /// The same for an unknown token, but at most once a second: in between, the last such read
    /// decides.
    fn want_for_unknown(&self) -> u64 {
        let mut wanted = self.wanted();
        match wanted.for_unknown {
            Some((read, at)) if at.elapsed() < READ_FOR_UNKNOWN_EVERY => read,
            _ => {
                wanted.read = wanted.begun + 1;
                wanted.for_unknown = Some((wanted.read, Instant::now()));
                self.changed.notify_all();
                wanted.read
            }
        }
    }

    fn run(&self, store: &dyn Store) {
        let (mut reading, mut noting) = (Health::default(), Health::default());
        while let Some(read) = self.next_read() {
            let error = guarded(|| self.read(store)).err();
            reading.log_change(error.as_ref(), "the tokens cannot be read: the last ones hold");
            self.ended.send_replace(Ended { read, error });
            let uses = self.set().unnoted_uses();
            if !uses.is_empty() {
                let error = guarded(|| store.note_uses(&uses)).err();
                noting.log_change(error.as_ref(), "the uses of tokens cannot be noted");
            }
        }
    }

    /// Waits until it is time for the next read, and returns its number; `None` at the end.
    fn next_read(&self) -> Option<u64> {
        let wanted = self.wanted();
        let waits = |wanted: &mut Wanted| !wanted.closed && wanted.read <= wanted.begun;
        let (mut wanted, _) = self
            .changed
            .wait_timeout_while(wanted, READ_EVERY, waits)
            .unwrap_or_else(PoisonError::into_inner);
        wanted.begun += 1;
        (!wanted.closed).then_some(wanted.begun)
    }

    fn read(&self, store: &dyn Store) -> Result<(), StoreError> {
        let set = Arc::new(TokenSet::new(store.tokens()?, &self.set()));
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }
}

/// A panic must not end the thread.
fn guarded(work: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(StoreError::defect("a panic")))
}

/// Whether something failed at the last attempt. Only changes are logged.
#[derive(Default)]
struct Health {
    failing: bool,
}

impl Health {
    fn log_change(&mut self, error: Option<&StoreError>, what_fails: &str) {
        match error {
            Some(error) if !self.failing => {
                let error = ErrorChain(error);
                tracing::warn!(%error, "{what_fails}");
            }
            None if self.failing => tracing::info!("no longer: {what_fails}"),
            _ => {}
        }
        self.failing = error.is_some();
    }
}
