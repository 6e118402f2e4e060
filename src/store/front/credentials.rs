//! The tokens and sessions that this process knows: read by one thread, looked up by every request.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use std::{io, thread};

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::timeout;

use super::health::{Health, guarded};
use super::last_entries::LastEntries;
use super::session_set::SessionSet;
use super::token_set::TokenSet;
use super::wanted_reads::{Unknown, WantedReads};
use crate::domain::{Caller, SentToken, TokenHash, TokenName};
use crate::store::{Store, StoreError};

/// The longest time between two reads of the set.
const READ_EVERY: Duration = Duration::from_secs(2);

/// Finds out who sends a token or the secret of a session, without a query of its own. While the
/// store is away, the last sets hold.
pub struct Credentials {
    shared: Arc<Shared>,
    /// The admin whose token is a setting.
    admin: Option<(TokenHash, Arc<Caller>)>,
    /// How long a request waits for the store.
    timeout: Duration,
}

struct Shared {
    sets: RwLock<Arc<Sets>>,
    last_entries: LastEntries,
    wanted: Mutex<WantedReads>,
    /// Signalled when a read is wanted, and at the end.
    changed: Condvar,
    /// The last read that has ended.
    ended: watch::Sender<Ended>,
}

/// What the last read found.
#[derive(Default)]
struct Sets {
    were_read: bool,
    tokens: TokenSet,
    sessions: SessionSet,
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
            sets: RwLock::default(),
            last_entries: LastEntries::default(),
            wanted: Mutex::default(),
            changed: Condvar::new(),
            ended: watch::Sender::new(Ended::default()),
        });
        let thread_shared = shared.clone();
        thread::Builder::new().name("tokens".into()).spawn(move || thread_shared.run(&*store))?;
        let admin = admin.map(|hash| (hash, Arc::new(Caller::env_admin())));
        Ok(Self { shared, admin, timeout })
    }

    /// The caller with this token; `None` if it is unknown, revoked or expired. Fails where that
    /// cannot be found out. What cannot be stored is not looked up.
    pub async fn find(
        &self,
        token: &SentToken,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Caller>>, StoreError> {
        let hash = token.hash();
        match self.admin(&hash) {
            Some(admin) => Ok(Some(admin)),
            None if token.may_be_stored() => self.find_stored(&hash, now).await,
            None => Ok(None),
        }
    }

    async fn find_stored(
        &self,
        hash: &TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Caller>>, StoreError> {
        self.look_up(Unknown::Token, |sets| sets.tokens.find(hash, now)).await
    }

    /// The admin of the settings, if it is their token.
    fn admin(&self, hash: &TokenHash) -> Option<Arc<Caller>> {
        // Hashes are compared, not secrets, so that the time it takes tells nothing.
        let (admin, caller) = self.admin.as_ref()?;
        (admin == hash).then(|| caller.clone())
    }

    /// Whether a token that was found before is still valid, by the last set that was read. This is
    /// not noted as a use.
    pub fn is_valid(&self, hash: &TokenHash, now: DateTime<Utc>) -> bool {
        self.admin(hash).is_some() || self.shared.sets().tokens.is_valid(hash, now)
    }

    /// The same for a session.
    pub fn is_valid_session(&self, hash: &TokenHash, now: DateTime<Utc>) -> bool {
        let token = self.shared.sets().sessions.token_of(hash, now);
        token.is_some_and(|token| self.is_valid(&token, now))
    }

    /// Whether there are gates to which valid tokens are bound, or may be, because no set was read yet.
    pub fn may_have_gates(&self, now: DateTime<Utc>) -> bool {
        let sets = self.shared.sets();
        !sets.were_read || sets.tokens.has_gates(now)
    }

    /// Notes soon that an entry is stored which came with the token of a gate.
    pub fn note_entry(&self, token: &TokenName, received_at: DateTime<Utc>) {
        self.shared.last_entries.add(token, received_at);
    }

    /// The caller with this session; `None` if it is unknown or over, or if its token is unknown,
    /// revoked or expired. Fails where that cannot be found out.
    pub async fn find_by_session(
        &self,
        hash: &TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Caller>>, StoreError> {
        match self.look_up(Unknown::Session, |sets| sets.sessions.find(hash, now)).await? {
            Some(token) => match self.admin(&token) {
                Some(admin) => Ok(Some(admin)),
                None => self.find_stored(&token, now).await,
            },
            None => Ok(None),
        }
    }

    /// What `find` finds in the sets: `None` if it is unknown, which is looked up in the store first.
    async fn look_up<T>(
        &self,
        what: Unknown,
        find: impl Fn(&Sets) -> Option<Option<T>>,
    ) -> Result<Option<T>, StoreError> {
        if let Some(found) = find(&self.shared.sets()) {
            return Ok(found);
        }
        let read = self.shared.want_for_unknown(what);
        self.wait_for(read).await?;
        Ok(find(&self.shared.sets()).flatten())
    }

    /// Reads the sets again, after this process has changed one.
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
        self.shared.wanted().close();
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn sets(&self) -> Arc<Sets> {
        self.sets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wanted(&self) -> MutexGuard<'_, WantedReads> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wants a read that begins after now. Returns its number.
    fn want(&self) -> u64 {
        let read = self.wanted().want();
        self.changed.notify_all();
        read
    }

    /// The same for what is unknown.
    fn want_for_unknown(&self, what: Unknown) -> u64 {
        let read = self.wanted().want_for_unknown(what);
        self.changed.notify_all();
        read
    }

    fn run(&self, store: &dyn Store) {
        let (mut reading, mut noting) = (Health::default(), Health::default());
        while let Some(read) = self.next_read() {
            let error = guarded(|| self.read(store)).err();
            reading.log_change(
                error.as_ref(),
                "tokens and sessions cannot be read: the last ones hold",
            );
            self.ended.send_replace(Ended { read, error });
            let error = guarded(|| self.note_uses(store)).err();
            noting.log_change(error.as_ref(), "the uses of tokens and sessions cannot be noted");
        }
    }

    /// Waits until it is time for the next read, and returns its number; `None` at the end.
    fn next_read(&self) -> Option<u64> {
        let wanted = self.wanted();
        let waits = |wanted: &mut WantedReads| wanted.is_satisfied();
        let (mut wanted, _) = self
            .changed
            .wait_timeout_while(wanted, READ_EVERY, waits)
            .unwrap_or_else(PoisonError::into_inner);
        wanted.begin()
    }

    fn read(&self, store: &dyn Store) -> Result<(), StoreError> {
        let before = self.sets();
        // In this order: the token of each session that is read is among the tokens.
        let sessions = SessionSet::new(store.sessions()?, &before.sessions);
        let tokens = TokenSet::new(store.tokens()?, &before.tokens);
        let sets = Arc::new(Sets { were_read: true, tokens, sessions });
        *self.sets.write().unwrap_or_else(PoisonError::into_inner) = sets;
        Ok(())
    }

    fn note_uses(&self, store: &dyn Store) -> Result<(), StoreError> {
        let sets = self.sets();
        let uses = sets.tokens.unnoted_uses();
        if !uses.is_empty() {
            store.note_uses(&uses)?;
        }
        let uses = sets.sessions.unnoted_uses();
        if !uses.is_empty() {
            store.note_session_uses(&uses)?;
        }
        self.last_entries.note_in(store)
    }
}
