use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::queue::Queue;
use crate::domain::Clock;
use crate::store::Backlog;

/// How many traces are kept. A single entry is forwarded at once, or in a batch with others.
const MAX_TRACES: usize = 16;

/// What a gate agent and the service around it know of each other: the writer wakes the agent, and the
/// agent says how far it is.
#[derive(Default)]
pub struct Forwarding {
    shared: Mutex<Shared>,
    /// Signalled for the first news, and at the end.
    changed: Condvar,
}

#[derive(Default)]
struct Shared {
    state: ForwardingState,
    /// When the requests were received that are being handled, by their number.
    received: BTreeMap<u64, DateTime<Utc>>,
    last_request: u64,
    /// The traces of the requests that came last, by the `entry_id` of what they record.
    traces: VecDeque<(Uuid, String)>,
    has_news: bool,
    is_stopped: bool,
}

/// How far a gate agent is, and what it knows of its upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForwardingState {
    pub reach: Reach,
    /// Why the upstream cannot be used, as a sentence for a person. `None` while it can be.
    pub reason: Option<String>,
    pub last_forwarded_at: Option<DateTime<Utc>>,
    /// Everything up to this id was forwarded or held back.
    pub up_to: i64,
    /// How many entries this process has forwarded.
    pub forwarded: u64,
}

impl ForwardingState {
    /// Why entries wait or stay here, in sentences for a person; `None` while all is well.
    pub fn explain(&self, backlog: &Backlog) -> Option<String> {
        let mut sentences = Vec::from_iter(self.reason.clone());
        let mut say = |count: u64, begin: &str, end: &str| match count {
            0 => {}
            1 => sentences.push(format!("{begin} 1 entry{end}: the log names it.")),
            count => sentences.push(format!("{begin} {count} entries{end}: the log names them.")),
        };
        let Backlog { postponed, rejected, .. } = backlog;
        say(*postponed, "The upstream fails to store", ", tried again every half minute");
        let begin = "The upstream has rejected";
        say(rejected.invalid, begin, " as invalid");
        say(rejected.forbidden, begin, " of another gate than that of its token");
        say(rejected.reused, begin, ", because it has others with the same entry_id");
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

/// Whether an upstream can be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    Reachable,
    /// There is no answer, or one that says that it has a problem of its own.
    #[default]
    Unreachable,
    /// It answers, and does not take what is sent.
    Refused,
}

/// The moment at which a request was received. Until this is dropped, an agent says of no later moment
/// that everything up to it is there.
pub struct Receipt {
    pub at: DateTime<Utc>,
    registered: Option<(Arc<Forwarding>, u64)>,
}

/// What a wait has ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    ByNews,
    ByTime,
    Stopped,
}

impl Reach {
    /// The word for people and programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
        }
    }
}

impl Receipt {
    /// One that no agent has to know of.
    pub fn unregistered(at: DateTime<Utc>) -> Self {
        Self { at, registered: None }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some((forwarding, number)) = &self.registered {
            forwarding.lock().received.remove(number);
        }
    }
}

impl Forwarding {
    /// A request is received now.
    pub fn receive(self: &Arc<Self>, clock: &Clock) -> Receipt {
        let mut shared = self.lock();
        // Within the lock, so that no report can come between the clock and the list.
        let at = clock.now();
        shared.last_request += 1;
        let number = shared.last_request;
        shared.received.insert(number, at);
        Receipt { at, registered: Some((self.clone(), number)) }
    }

    /// A moment before which nothing is received any more: every entry that got its moment from this
    /// service before it was recorded, was given up by its request, or is still in `queue`'s hands,
    /// which are looked into too.
    pub fn as_of(&self, clock: &Clock, queue: &Queue) -> DateTime<Utc> {
        let shared = self.lock();
        let now = clock.now();
        let handled = shared.received.values().min().copied();
        drop(shared);
        // Later than that: a request that is not in the list any more is in the queue, or was there.
        [handled, queue.oldest()].into_iter().flatten().fold(now, DateTime::min)
    }

    /// The entry is recorded for a request that is part of this trace.
    pub fn note_trace(&self, entry_id: Uuid, trace_id: &str) {
        let mut shared = self.lock();
        if shared.traces.len() == MAX_TRACES {
            shared.traces.pop_front();
        }
        shared.traces.push_back((entry_id, trace_id.to_owned()));
    }

    /// The trace of the request for an entry, if that was one of the last.
    pub fn trace_of(&self, entry_id: Uuid) -> Option<String> {
        let shared = self.lock();
        let found = shared.traces.iter().find(|(id, _)| *id == entry_id);
        found.map(|(_, trace_id)| trace_id.clone())
    }

    pub fn state(&self) -> ForwardingState {
        self.lock().state.clone()
    }

    /// The agent's side changes the state.
    pub fn change<T>(&self, change: impl FnOnce(&mut ForwardingState) -> T) -> T {
        change(&mut self.lock().state)
    }

    /// There are new entries.
    pub(super) fn ring(&self) {
        let mut shared = self.lock();
        if !shared.has_news {
            shared.has_news = true;
            self.changed.notify_all();
        }
    }

    /// Waits until there are entries that were not there at the last call.
    pub fn wait_for_news(&self, until: Instant) -> Woken {
        let mut shared = self.wait(until, |shared| shared.has_news);
        match (shared.is_stopped, std::mem::take(&mut shared.has_news)) {
            (true, _) => Woken::Stopped,
            (false, true) => Woken::ByNews,
            (false, false) => Woken::ByTime,
        }
    }

    /// Waits, whatever news there are. Returns whether the agent goes on.
    pub fn pause(&self, duration: Duration) -> bool {
        !self.wait(Instant::now() + duration, |_| false).is_stopped
    }

    /// Ends the agent's waits.
    pub fn stop(&self) {
        self.lock().is_stopped = true;
        self.changed.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().is_stopped
    }

    fn wait(&self, until: Instant, is_over: impl Fn(&Shared) -> bool) -> MutexGuard<'_, Shared> {
        let left = until.saturating_duration_since(Instant::now());
        let goes_on = |shared: &mut Shared| !shared.is_stopped && !is_over(shared);
        let waited = self.changed.wait_timeout_while(self.lock(), left, goes_on);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// No panic can happen while the lock is held.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn news_end_a_wait_for_them_once_and_no_pause() {
        let forwarding = Forwarding::default();
        let soon = || Instant::now() + Duration::from_millis(1);
        let late = Instant::now() + Duration::from_secs(60);
        assert_eq!(forwarding.wait_for_news(soon()), Woken::ByTime);
        forwarding.ring();
        forwarding.ring();
        assert!(forwarding.pause(Duration::from_millis(1)));
        assert_eq!(forwarding.wait_for_news(late), Woken::ByNews);
        assert_eq!(forwarding.wait_for_news(soon()), Woken::ByTime);
    }

    #[test]
    fn a_stop_ends_every_wait() {
        let forwarding = Arc::new(Forwarding::default());
        let waiting = forwarding.clone();
        let waits = thread::spawn(move || waiting.pause(Duration::from_secs(60)));
        forwarding.stop();
        assert!(!waits.join().unwrap());
        let late = Instant::now() + Duration::from_secs(60);
        assert_eq!(forwarding.wait_for_news(late), Woken::Stopped);
    }
}
