use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Where the primary was at which time, from which follows how far a replica is behind.
pub(super) struct Trail {
    seen: VecDeque<(Instant, i64)>,
    /// What is older is of no interest.
    length: Duration,
}

impl Trail {
    pub(super) fn new(length: Duration) -> Self {
        Self { seen: VecDeque::new(), length }
    }

    /// The primary was at `bytes` or further when it was asked at `at`.
    pub(super) fn add(&mut self, at: Instant, bytes: i64) {
        self.seen.push_back((at, bytes));
        while self.seen.front().is_some_and(|(old, _)| at.duration_since(*old) > self.length) {
            self.seen.pop_front();
        }
    }

    /// How far behind a replica is at most that has followed up to `bytes` by `now`; `None` if it
    /// is further behind than the trail goes, or nothing is known of the primary.
    pub(super) fn lag(&self, bytes: i64, now: Instant) -> Option<Duration> {
        let (at, _) = self.seen.iter().rev().find(|(_, primary)| *primary <= bytes)?;
        Some(now.duration_since(*at)).filter(|lag| *lag <= self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(30);

    #[test]
    fn a_replica_is_behind_since_the_primary_was_where_it_is() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut trail = Trail::new(LENGTH);
        assert_eq!(trail.lag(0, start), None, "nothing is known of the primary");
        for (seconds, bytes) in [(0, 100), (1, 100), (2, 300), (3, 400)] {
            trail.add(after(seconds), bytes);
        }
        let lag = |bytes, seconds| trail.lag(bytes, after(seconds)).map(|lag| lag.as_secs());
        assert_eq!(lag(400, 3), Some(0));
        assert_eq!(lag(399, 3), Some(1));
        assert_eq!(lag(100, 3), Some(2), "an idle primary leaves nobody behind");
        assert_eq!(lag(99, 3), None);
        // Further than was seen, and nobody sees the primary any more.
        assert_eq!(lag(500, 33), Some(30));
        assert_eq!(lag(500, 34), None);
    }

    #[test]
    fn only_what_counts_is_kept() {
        let start = Instant::now();
        let mut trail = Trail::new(LENGTH);
        for seconds in 0..100 {
            trail.add(start + Duration::from_secs(seconds), seconds as i64);
        }
        assert_eq!(trail.seen.len(), 31);
        assert_eq!(trail.lag(68, start + Duration::from_secs(99)), None);
        assert_eq!(trail.lag(69, start + Duration::from_secs(99)), Some(LENGTH));
    }

    /// A primary that took over may be at a lower position than the last one was.
    #[test]
    fn what_the_last_primary_had_alone_counts_for_nothing() {
        let start = Instant::now();
        let mut trail = Trail::new(LENGTH);
        trail.add(start, 500);
        trail.add(start + Duration::from_secs(1), 300);
        assert_eq!(trail.lag(350, start + Duration::from_secs(1)), Some(Duration::ZERO));
    }
}
