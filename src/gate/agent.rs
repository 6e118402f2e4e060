use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use chrono::TimeDelta;

use super::backoff::Backoff;
use super::client::Client;
use super::delivery::Delivery;
use super::ledger::Ledger;
use super::parcel::{MAX_ENTRIES, Parcel};
use super::trace::Trace;
use super::trouble::{Failure, Trouble};
use super::upstream::Upstream;
use crate::domain::Clock;
use crate::error_chain::ErrorChain;
use crate::store::{Forwarding, Mark, Queue, Reach, Store, StoreError};

/// The longest time between two batches, empty ones included. Less than the 30 seconds that are
/// promised, by the time that a batch may take.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// The shortest time from one batch to the next that news cause. A lone entry is sent at once; of many,
/// those of a fiftieth of a second together.
const PACE: Duration = Duration::from_millis(20);

/// The shortest time from one batch to the next while there is more: up to 2,500 entries a second, so that an
/// upstream has time for others while a gate catches up.
const CATCH_UP_PACE: Duration = Duration::from_millis(200);

/// The thread that forwards.
pub struct Agent {
    forwarding: Arc<Forwarding>,
    ended: Receiver<()>,
}

/// What an agent needs.
pub struct AgentSetup {
    pub upstream: Upstream,
    /// It must be one that can be forwarded.
    pub store: Arc<dyn Store>,
    /// The writer rings it for each commit.
    pub forwarding: Arc<Forwarding>,
    /// The queue in front of the writer.
    pub queue: Queue,
    pub clock: Clock,
    /// How long forwarded entries are kept.
    pub keep: TimeDelta,
}

impl Agent {
    /// Starts the thread, which ends by [`Agent::finish`].
    pub fn start(setup: AgentSetup) -> io::Result<Self> {
        let AgentSetup { upstream, store, forwarding, queue, clock, keep } = setup;
        let (alive, ended) = channel();
        let ledger = Ledger::new(store, upstream.url.as_str().to_owned(), keep);
        let session = Session {
            client: Client::new(upstream),
            ledger,
            forwarding: forwarding.clone(),
            queue,
            clock,
            backoff: Backoff::default(),
            limit: MAX_ENTRIES,
            quiet_until: None,
            contact_at: Instant::now(),
            sent_at: Instant::now(),
            is_maintained: true,
        };
        forwarding.change(|state| state.reason = Some(Trouble::NotAskedYet.to_string()));
        thread::Builder::new().name("gate agent".into()).spawn(move || {
            let _alive = alive;
            session.run();
        })?;
        Ok(Self { forwarding, ended })
    }

    /// Ends the thread. Returns whether that was done within `timeout`: an upstream that does not answer
    /// can hold it for longer, and what it is sending is sent again by the next start.
    pub fn finish(self, timeout: Duration) -> bool {
        self.forwarding.stop();
        self.ended.recv_timeout(timeout) == Err(RecvTimeoutError::Disconnected)
    }
}

/// The thread's side.
struct Session {
    client: Client,
    ledger: Ledger,
    forwarding: Arc<Forwarding>,
    queue: Queue,
    clock: Clock,
    backoff: Backoff,
    /// How many entries a batch has at most. Halved where the upstream, or something before it, refuses
    /// larger ones.
    limit: usize,
    /// Until when the upstream has asked for no entries. It only gets signs of life meanwhile, and one that
    /// it accepts ends this.
    quiet_until: Option<Instant>,
    /// When the next batch is due, even an empty one.
    contact_at: Instant,
    sent_at: Instant,
    /// Whether the mark could be kept at the last attempt. Only changes are logged.
    is_maintained: bool,
}

impl Session {
    fn run(mut self) {
        while !self.forwarding.is_stopped() {
            let outcome = catch_unwind(AssertUnwindSafe(|| self.round()))
                .unwrap_or_else(|_| Err(StoreError::defect("forwarding panicked").into()));
            match outcome {
                Ok(has_more) => {
                    self.backoff.succeed();
                    let pace = if has_more {
                        CATCH_UP_PACE
                    } else {
                        let due = self.contact_at.min(self.ledger.next_due());
                        self.forwarding.wait_for_news(due);
                        PACE
                    };
                    self.forwarding.pause(pace.saturating_sub(self.sent_at.elapsed()));
                }
                Err(failure) => {
                    self.report(&failure);
                    if let Some(asked_for) = failure.retry_after {
                        self.quiet_until = Instant::now().checked_add(asked_for);
                    }
                    let pause = self.backoff.fail(failure.retry_after);
                    self.forwarding.pause(pause);
                }
            }
        }
        // If it cannot be saved, some entries are forwarded again.
        let _ = self.ledger.save();
    }

    /// Sends one batch, if there is something to send or it is time for a sign of life. Returns whether
    /// there is more.
    fn round(&mut self) -> Result<bool, Failure> {
        // Before the entries are read: what is recorded after that has a later moment.
        let as_of = self.forwarding.as_of(&self.clock, &self.queue);
        let parcel = match self.quiet_until {
            Some(until) if Instant::now() < until => self.ledger.report(as_of)?,
            _ => self.ledger.gather(as_of, self.limit)?,
        };
        self.note_mark();
        let is_due = !parcel.entries.is_empty() || self.contact_at <= Instant::now();
        let has_more = is_due && self.deliver(&parcel)?;
        let maintained = self.ledger.maintain(self.clock.now());
        self.note_maintained(maintained);
        Ok(has_more)
    }

    /// Returns whether there is more to send at once.
    fn deliver(&mut self, parcel: &Parcel) -> Result<bool, Failure> {
        let body = parcel.to_json().map_err(StoreError::defect)?;
        let trace = self.trace_of(parcel);
        self.sent_at = Instant::now();
        let answer = self.client.post(&body, trace.as_ref())?;
        match answer.status {
            200 => {}
            413 if parcel.entries.len() > 1 => {
                self.limit = parcel.entries.len() / 2;
                tracing::info!(limit = self.limit, "the upstream wants smaller batches");
                return Ok(true);
            }
            status => {
                let trouble = self.client.trouble_of(&answer);
                let failure = Failure::new(trouble, format!("status {status}"));
                return Err(Failure { retry_after: answer.retry_after, ..failure });
            }
        }
        let delivery = Delivery::parse(&answer.body, &parcel.entries)?;
        self.quiet_until = None;
        let stored = delivery.stored.len();
        delivery.log(&parcel.entries);
        self.ledger.settle(parcel, delivery, self.clock.now())?;
        self.contact_at = Instant::now() + SIGN_OF_LIFE;
        self.limit = (self.limit + 1).min(MAX_ENTRIES);
        if !parcel.entries.is_empty() {
            let (entries, trace_id) = (parcel.entries.len(), trace.map(|trace| trace.id()));
            tracing::debug!(entries, stored, trace_id, "forwarded");
        }
        self.note_success(stored);
        Ok(parcel.has_more)
    }

    /// The trace of the request that brought the entry, if it is a single one; else a new one.
    fn trace_of(&self, parcel: &Parcel) -> Option<Trace> {
        let trace_id = match &parcel.entries[..] {
            [entry] => self.forwarding.trace_of(entry.passage.entry_id),
            _ => None,
        };
        trace_id.and_then(|id| Trace::within(&id)).or_else(Trace::begin)
    }

    /// A disk that is full, for one, keeps the mark and old entries as they are, which harms nobody:
    /// forwarding goes on.
    fn note_maintained(&mut self, outcome: Result<(), StoreError>) {
        if let Err(error) = &outcome
            && self.is_maintained
        {
            let error = ErrorChain(error);
            tracing::warn!(%error, "how far entries were forwarded cannot be noted");
        }
        self.is_maintained = outcome.is_ok();
    }

    /// Also before the first answer, which may be long in coming.
    fn note_mark(&self) {
        let Mark { up_to, last_forwarded_at } = self.ledger.mark();
        self.forwarding.change(|state| {
            state.up_to = up_to;
            state.last_forwarded_at = last_forwarded_at;
        });
    }

    fn note_success(&self, stored: usize) {
        self.note_mark();
        let before = self.forwarding.change(|state| {
            state.forwarded += stored as u64;
            state.reason = None;
            std::mem::replace(&mut state.reach, Reach::Reachable)
        });
        if before != Reach::Reachable {
            tracing::info!("the upstream takes entries");
        }
    }

    /// Makes a failure known, and logs it if it is another one than before.
    fn report(&self, failure: &Failure) {
        let Failure { trouble, detail, .. } = failure;
        let reason = trouble.to_string();
        let before = self.forwarding.change(|state| {
            state.reach = trouble.reach();
            state.reason.replace(reason.clone())
        });
        if before.as_ref() != Some(&reason) {
            tracing::warn!(detail, "entries wait here: {reason}");
        }
    }
}
