use std::time::{Duration, Instant};

/// The shortest time between two reads that unknown tokens and sessions cause.
const READ_FOR_UNKNOWN_EVERY: Duration = Duration::from_secs(1);

/// What requests want of the thread that reads tokens and sessions. Reads are numbered from 1.
pub(super) struct WantedReads {
    /// The read that began last.
    begun: u64,
    /// The read that must begin at once, if it has not begun.
    read: u64,
    /// The last read that something unknown caused, and when it was wanted.
    for_unknown: Option<(u64, Instant)>,
    closed: bool,
}

/// What a request came with, if this process does not know it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Token,
    Session,
}

/// The first read is wanted.
impl Default for WantedReads {
    fn default() -> Self {
        Self { begun: 0, read: 1, for_unknown: None, closed: false }
    }
}

impl WantedReads {
    /// Wants a read that begins after now. Returns its number.
    pub(super) fn want(&mut self) -> u64 {
        self.read = self.begun + 1;
        self.read
    }

    /// The same for what is unknown, but at most once a second. In between, the last such read
    /// decides about a token. For a session the next read does, without being hastened: it may have
    /// begun on another replica a moment ago, by the answer that sent the browser here.
    pub(super) fn want_for_unknown(&mut self, what: Unknown) -> u64 {
        match self.for_unknown {
            Some((read, at)) if at.elapsed() < READ_FOR_UNKNOWN_EVERY => match what {
                Unknown::Token => read,
                Unknown::Session => self.begun + 1,
            },
            _ => {
                let read = self.want();
                self.for_unknown = Some((read, Instant::now()));
                read
            }
        }
    }

    /// Whether nothing is wanted now.
    pub(super) fn is_satisfied(&self) -> bool {
        !self.closed && self.read <= self.begun
    }

    /// A read begins. Returns its number; `None` at the end.
    pub(super) fn begin(&mut self) -> Option<u64> {
        self.begun += 1;
        (!self.closed).then_some(self.begun)
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }
}
