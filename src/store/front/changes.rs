use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::select;
use tokio::sync::Semaphore;

use super::Reader;
use super::change_page::ChangePage;
use super::follower::{Following, Interest, Known, LONG_HOLD};
use super::kept_reads::KeptReads;
use super::last_recorded::LastRecorded;
use crate::store::{Store, StoreError};

/// How many readers wait at once.
const MAX_WAITING: usize = 256;

/// How far [`ChangeFeed::settled`] may lag behind before it is worth a wait.
const CURRENT: Duration = Duration::from_secs(1);

/// How long [`ChangeFeed::settled`] waits for the transactions that a look has found.
const BRIEFLY: Duration = Duration::from_millis(50);

/// How long a request that can do without waits for a look, which is one short statement.
const LOOK_TIMEOUT: Duration = Duration::from_millis(250);

/// Tells the changes of the store, in order, each once. Clones share the follower.
#[derive(Clone)]
pub struct ChangeFeed {
    reader: Reader,
    following: Arc<Following>,
    last_recorded: LastRecorded,
    /// By the number after which they begin, and how many changes they have at most. Nobody is told
    /// more between two looks.
    pages: Arc<KeptReads<(i64, u16), Arc<ChangePage>>>,
    /// A permit for each reader that waits.
    waiting: Arc<Semaphore>,
}

/// What a reader asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeRequest {
    /// The last change that it has.
    pub after: i64,
    /// How many it wants at most.
    pub limit: u16,
    /// How long to wait until there is one.
    pub wait: Duration,
}

/// Why a reader gets no changes.
#[derive(Debug, Clone)]
pub enum NoChanges {
    /// Too many readers wait already.
    Busy,
    /// The store never drew the number that the reader has: it was restored from a backup.
    Lost,
    Store(StoreError),
}

/// The state of the feed, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedState {
    /// Readers that wait now.
    pub waiting: usize,
    /// The numbers between the last settled change and the last visible one.
    pub behind: i64,
    /// For how long open transactions have held up changes that are visible.
    pub held_up_for: Option<Duration>,
}

impl From<StoreError> for NoChanges {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl ChangeFeed {
    /// Starts the thread that follows `store`, the primary that `reader` reads too.
    pub fn start(
        store: Arc<dyn Store>,
        reader: Reader,
        last_recorded: LastRecorded,
    ) -> io::Result<Self> {
        Ok(Self {
            reader,
            following: Arc::new(Following::start(store)?),
            last_recorded,
            pages: Arc::default(),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        })
    }

    /// The changes that `request` asks for, in order; none if there are none by the end of its wait,
    /// or when `stop` resolves.
    pub async fn read(
        &self,
        request: ChangeRequest,
        stop: impl Future<Output = ()>,
    ) -> Result<Arc<ChangePage>, NoChanges> {
        let ChangeRequest { after, limit, wait } = request;
        let came = Instant::now();
        let (mut interest, mut known) = self.first_look(request).await?;
        if after > known.drawn {
            return Err(NoChanges::Lost);
        }
        // Transactions normally end within milliseconds, so nobody is sent away because of one, and
        // this short wait needs no permit.
        let is_coming = known.highest > after && !known.is_held_up_for_long();
        let short_wait = if is_coming { LONG_HOLD } else { Duration::ZERO };
        let mut permit = None;
        let mut stop = std::pin::pin!(stop);
        loop {
            let settled = known.horizon.settled();
            if settled > after {
                let reader = self.reader.clone();
                let read = move |store: &dyn Store| store.changes(after, settled, limit);
                let read =
                    async move { reader.read(read).await.map(ChangePage::new).map(Arc::new) };
                let page = self.pages.read(known.look, (after, limit), read).await?;
                if page.last().is_some() {
                    return Ok(page);
                }
            }
            if came.elapsed() >= short_wait && wait > short_wait && permit.is_none() {
                permit = Some(self.waiting.try_acquire().map_err(|_| NoChanges::Busy)?);
            }
            let until = if permit.is_some() { wait } else { short_wait };
            let left = until.saturating_sub(came.elapsed());
            let seen = settled.max(after);
            let news = select! {
                news = interest.wait_for(left, |known| known.horizon.settled() > seen) => news,
                () = &mut stop => return Ok(Arc::default()),
            };
            match news {
                Some(news) => known = news,
                None if permit.is_none() && wait > short_wait => {}
                // A store that was away for a part of the wait is not worth an error.
                None => return Ok(interest.now().map(|_| Arc::default())?),
            }
        }
    }

    /// What is known when a reader comes. Those that wait share the looks that are made anyway, so
    /// that many of them cost no more than one.
    async fn first_look(&self, request: ChangeRequest) -> Result<(Interest, Known), StoreError> {
        let known = self.following.known();
        if !request.wait.is_zero() && known.is_fresh() && request.after <= known.drawn {
            return Ok((self.following.wait(), known));
        }
        let mut interest = self.following.ask();
        let known = interest.looked(self.reader.timeout()).await?;
        Ok((interest, known))
    }

    /// A number N: every snapshot of the primary that is taken after this has returned contains every
    /// change up to N. Without open transactions N is the highest number that was visible when this
    /// was called; a tenth of a second before, if only other processes have recorded since, so that sheets
    /// cost at most ten looks a second. A transaction that is held open makes N lag.
    pub async fn settled(&self) -> i64 {
        let known = self.following.known();
        if known.is_fresh() && known.horizon.settled() >= self.last_recorded.number() {
            return known.horizon.settled();
        }
        let mut interest = self.following.ask();
        // After a failure nothing is known, and nothing up to 0 is missing anywhere.
        let Ok(known) = interest.looked(LOOK_TIMEOUT).await else {
            return self.following.known().horizon.settled();
        };
        let is_current = |as_of: Option<Instant>| as_of.is_some_and(|at| at.elapsed() < CURRENT);
        if is_current(known.horizon.as_of()) || known.is_held_up_for_long() {
            return known.horizon.settled();
        }
        let current = interest.wait_for(BRIEFLY, |known| is_current(known.horizon.as_of())).await;
        current.unwrap_or(known).horizon.settled()
    }

    /// The follower, for whoever notes its numbers regularly.
    pub(super) fn following(&self) -> Arc<Following> {
        self.following.clone()
    }

    /// The state of the feed by a look of its own, so that it is right while nobody reads.
    pub async fn state(&self) -> FeedState {
        let looked = self.following.ask().looked(LOOK_TIMEOUT).await;
        let known = looked.unwrap_or_else(|_| self.following.known());
        FeedState {
            waiting: MAX_WAITING - self.waiting.available_permits(),
            behind: known.highest - known.horizon.settled(),
            held_up_for: known.horizon.held_up_since().map(|since| since.elapsed()),
        }
    }
}
