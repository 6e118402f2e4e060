use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The primary's positions over time, from which a replica's lag follows.
pub(super) struct Trail {
    seen: VecDeque<Seen>,
    /// How long a position is kept.
    length: Duration,
}

/// What was noted of the primary at one moment.
#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Instant,
    bytes: i64,
    settled: i64,
}

/// What is known of a replica by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lag {
    /// An upper bound.
    pub(super) time: Duration,
    /// The replica has every change up to this number.
    pub(super) settled: i64,
}

impl Trail {
    pub(super) fn new(length: Duration) -> Self {
        Self { seen: VecDeque::new(), length }
    }

    /// The primary was at `bytes` or further at the time `at`, and all changes up to `settled` had
    /// been committed and flushed before.
    pub(super) fn add(&mut self, at: Instant, bytes: i64, settled: i64) {
        self.seen.push_back(Seen { at, bytes, settled });
        while self.seen.front().is_some_and(|old| at.duration_since(old.at) > self.length) {
            self.seen.pop_front();
        }
    }

    /// The lag of a replica that has replayed up to `bytes` by `now`. `None` if it is behind
    /// everything that is kept, or if no position of the primary is known.
    pub(super) fn lag(&self, bytes: i64, now: Instant) -> Option<Lag> {
        let seen = self.seen.iter().rev().find(|primary| primary.bytes <= bytes)?;
        let lag = Lag { time: now.duration_since(seen.at), settled: seen.settled };
        Some(lag).filter(|lag| lag.time <= self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(30);

    #[test]
    fn the_lag_counts_from_when_the_primary_had_the_replicas_position() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut trail = Trail::new(LENGTH);
        assert_eq!(trail.lag(0, start), None, "no position of the primary is known");
        for (seconds, bytes) in [(0, 100), (1, 100), (2, 300), (3, 400)] {
            trail.add(after(seconds), bytes, 0);
        }
        let lag = |bytes, seconds| trail.lag(bytes, after(seconds)).map(|lag| lag.time.as_secs());
        assert_eq!(lag(400, 3), Some(0));
        assert_eq!(lag(399, 3), Some(1));
        assert_eq!(lag(100, 3), Some(2), "a replica of an idle primary does not lag");
        assert_eq!(lag(99, 3), None);
        // Ahead of every known position, while the primary cannot be asked any more.
        assert_eq!(lag(500, 33), Some(30));
        assert_eq!(lag(500, 34), None);
    }

    #[test]
    fn a_replica_has_the_changes_that_were_settled_before_its_position() {
        let start = Instant::now();
        let mut trail = Trail::new(LENGTH);
        for (bytes, settled) in [(100, 7), (200, 9), (300, 9)] {
            trail.add(start, bytes, settled);
        }
        let settled = |bytes| trail.lag(bytes, start).map(|lag| lag.settled);
        assert_eq!(
            [99, 100, 199, 200, 400].map(settled),
            [None, Some(7), Some(7), Some(9), Some(9)]
        );
    }

    #[test]
    fn old_positions_are_dropped() {
        let start = Instant::now();
        let mut trail = Trail::new(LENGTH);
        for seconds in 0..100 {
            trail.add(start + Duration::from_secs(seconds), seconds as i64, 0);
        }
        assert_eq!(trail.seen.len(), 31);
        assert_eq!(trail.lag(68, start + Duration::from_secs(99)), None);
        let lag = trail.lag(69, start + Duration::from_secs(99));
        assert_eq!(lag, Some(Lag { time: LENGTH, settled: 0 }));
    }

    /// A primary after a fail-over may be at a lower position than the last one was.
    #[test]
    fn positions_of_a_former_primary_do_not_count() {
        let start = Instant::now();
        let mut trail = Trail::new(LENGTH);
        trail.add(start, 500, 9);
        trail.add(start + Duration::from_secs(1), 300, 5);
        let lag = trail.lag(350, start + Duration::from_secs(1));
        assert_eq!(lag, Some(Lag { time: Duration::ZERO, settled: 5 }));
    }
}
