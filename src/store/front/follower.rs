//! The follower of changes: one thread for each process, which looks only while somebody asks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio::sync::watch;
use tokio::time::timeout;

use super::horizon::Horizon;
use crate::error_chain::ErrorChain;
use crate::store::{Follower, Look, Store, StoreError};

/// The pause between two looks while readers wait.
const PAUSE: Duration = Duration::from_millis(100);

/// The same while open transactions hold up changes that are older than two pauses. They normally end
/// within milliseconds.
const HELD_UP_PAUSE: Duration = Duration::from_millis(10);

/// The age up to which a look counts as if it were made now, while a follower looks regularly.
pub(super) const FRESH: Duration = PAUSE;

/// A transaction that holds changes up for longer than this is a long one.
pub(super) const LONG_HOLD: Duration = Duration::from_millis(250);

/// The thread that looks. It ends when this is dropped.
pub(super) struct Following(Arc<Shared>);

/// What is known of the changes in the store.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) horizon: Horizon,
    /// The highest visible number.
    pub(super) highest: i64,
    /// The highest number that was ever drawn.
    pub(super) drawn: i64,
    /// When the last look began.
    pub(super) at: Option<Instant>,
    /// The last look that has ended.
    pub(super) look: u64,
    /// Why it failed, if it did. Nothing is known then.
    failure: Option<StoreError>,
}

/// A reader's interest. While one lives, the follower goes on looking.
pub(super) struct Interest {
    shared: Arc<Shared>,
    known: watch::Receiver<Known>,
    /// The first look that begins after the reader came.
    look: u64,
}

struct Shared {
    known: watch::Sender<Known>,
    demand: Mutex<Demand>,
    /// Signalled when a look is wanted, and at the end.
    changed: Condvar,
}

/// What readers want of the thread. Looks are numbered from 1.
#[derive(Default)]
struct Demand {
    readers: usize,
    /// The look that began last.
    begun: u64,
    /// The look that must begin at once, if it has not begun.
    look: u64,
    closed: bool,
}

impl Following {
    /// Starts the thread. It connects when somebody asks.
    pub(super) fn start(store: Arc<dyn Store>) -> io::Result<Self> {
        let known = watch::Sender::new(Known::default());
        let (demand, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { known, demand, changed });
        let thread_shared = shared.clone();
        thread::Builder::new().name("follower".into()).spawn(move || thread_shared.run(&*store))?;
        Ok(Self(shared))
    }

    /// What the last look has found.
    pub(super) fn known(&self) -> Known {
        self.0.known.borrow().clone()
    }

    /// Wants a look that begins now, and further ones while the result lives.
    pub(super) fn ask(&self) -> Interest {
        self.join(true)
    }

    /// Wants looks from time to time while the result lives.
    pub(super) fn wait(&self) -> Interest {
        self.join(false)
    }

    fn join(&self, is_urgent: bool) -> Interest {
        let mut demand = self.0.lock();
        demand.readers += 1;
        let look = demand.begun + 1;
        if is_urgent {
            demand.look = look;
        }
        drop(demand);
        self.0.changed.notify_one();
        Interest { shared: self.0.clone(), known: self.0.known.subscribe(), look }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_one();
    }
}

impl Known {
    /// Whether the last look has just begun.
    pub(super) fn is_fresh(&self) -> bool {
        self.at.is_some_and(|at| at.elapsed() < FRESH)
    }

    /// How long to pause before the next look.
    fn pause(&self) -> Duration {
        let as_of = self.horizon.as_of();
        let is_behind = as_of.is_none_or(|as_of| as_of.elapsed() > 2 * PAUSE);
        let is_held_up = self.horizon.held_up_since().is_some();
        match is_held_up && is_behind && !self.is_held_up_for_long() {
            true => HELD_UP_PAUSE,
            false => PAUSE,
        }
    }

    /// Whether changes that are visible are held up by a transaction that is a long one.
    pub(super) fn is_held_up_for_long(&self) -> bool {
        self.horizon.held_up_since().is_some_and(|since| since.elapsed() >= LONG_HOLD)
    }
}

impl Interest {
    /// What the first look that began after the reader came has found.
    pub(super) async fn looked(&mut self, limit: Duration) -> Result<Known, StoreError> {
        let look = self.look;
        match self.wait_for(limit, |known| known.look >= look).await {
            Some(Known { failure: Some(error), .. }) => Err(error),
            Some(known) => Ok(known),
            None => Err(StoreError::TimedOut(limit)),
        }
    }

    /// What is known as soon as `enough` holds; `None` if that takes longer than `limit`.
    pub(super) async fn wait_for(
        &mut self,
        limit: Duration,
        enough: impl FnMut(&Known) -> bool,
    ) -> Option<Known> {
        // The sender lives as long as this.
        timeout(limit, self.known.wait_for(enough)).await.ok()?.ok().map(|known| known.clone())
    }

    /// What is known now; an error if the last look failed.
    pub(super) fn now(&self) -> Result<Known, StoreError> {
        let known = self.known.borrow().clone();
        known.failure.clone().map_or(Ok(known), Err)
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.shared.lock().readers -= 1;
    }
}

impl Shared {
    fn run(&self, store: &dyn Store) {
        let mut connection = None;
        let mut pause = PAUSE;
        let mut is_failing = false;
        while let Some(look) = self.next_look(pause) {
            let at = Instant::now();
            // A panic must not end the thread.
            let looked = catch_unwind(AssertUnwindSafe(|| look_once(store, &mut connection, at)))
                .unwrap_or_else(|_| Err(StoreError::defect("a panic")));
            let known = match looked {
                Ok(known) => Known { look, ..known },
                Err(error) => {
                    // Nothing that was found counts for another connection.
                    connection = None;
                    if !is_failing {
                        let error = ErrorChain(&error);
                        tracing::warn!(%error, "the changes cannot be followed");
                    }
                    Known { look, failure: Some(error), ..Known::default() }
                }
            };
            if is_failing && known.failure.is_none() {
                tracing::info!("the changes can be followed again");
            }
            is_failing = known.failure.is_some();
            pause = known.pause();
            self.known.send_replace(known);
        }
    }

    /// Waits until it is time for the next look, and returns its number; `None` at the end.
    fn next_look(&self, pause: Duration) -> Option<u64> {
        let idle = |demand: &mut Demand| !demand.closed && demand.look <= demand.begun;
        let mut demand = self.lock();
        loop {
            let unasked = |demand: &mut Demand| idle(demand) && demand.readers == 0;
            demand =
                self.changed.wait_while(demand, unasked).unwrap_or_else(PoisonError::into_inner);
            let waited = self.changed.wait_timeout_while(demand, pause, idle);
            demand = waited.unwrap_or_else(PoisonError::into_inner).0;
            // The readers may have left during the pause.
            if demand.readers > 0 || !idle(&mut demand) {
                break;
            }
        }
        demand.begun += 1;
        (!demand.closed).then_some(demand.begun)
    }

    /// No panic can happen while the lock is held.
    fn lock(&self) -> MutexGuard<'_, Demand> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks on the connection that is there, or on a new one if there is none or it is dead.
fn look_once(
    store: &dyn Store,
    connection: &mut Option<(Box<dyn Follower>, Horizon)>,
    at: Instant,
) -> Result<Known, StoreError> {
    if let Some((follower, horizon)) = connection {
        match follower.look() {
            Err(StoreError::Unreachable(_)) => {}
            look => return Ok(known(&look?, horizon, at)),
        }
    }
    let (follower, horizon) = connection.insert((store.follower()?, Horizon::default()));
    Ok(known(&follower.look()?, horizon, at))
}

fn known(look: &Look, horizon: &mut Horizon, at: Instant) -> Known {
    horizon.see(look, at);
    Known {
        horizon: horizon.clone(),
        highest: look.highest,
        drawn: look.drawn,
        at: Some(at),
        ..Known::default()
    }
}
