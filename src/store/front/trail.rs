use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The primary's positions over time, from which a replica's lag follows.
pub(super) struct Trail {
    seen: VecDeque<(Instant, i64)>,
    /// How long a position is kept.
    length: Duration,
}

impl Trail {
    pub(super) fn new(length: Duration) -> Self {
        Self { seen: VecDeque::new(), length }
    }

    /// The primary was at `bytes` or further at the time `at`.
    pub(super) fn add(&mut self, at: Instant, bytes: i64) {
        self.seen.push_back((at, bytes));
        while self.seen.front().is_some_and(|(old, _)| at.duration_since(*old) > self.length) {
            self.seen.pop_front();
        }
    }

    /// The upper bound of the lag of a replica that has replayed up to `bytes` by `now`. `None` if it
    /// is behind everything that is kept, or if no position of the primary is known.
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
    fn the_lag_counts_from_when_the_primary_had_the_replicas_position() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut trail = Trail::new(LENGTH);
        assert_eq!(trail.lag(0, start), None, "no position of the primary is known");
        for (seconds, bytes) in [(0, 100), (1, 100), (2, 300), (3, 400)] {
            trail.add(after(seconds), bytes);
        }
        let lag = |bytes, seconds| trail.lag(bytes, after(seconds)).map(|lag| lag.as_secs());
        assert_eq!(lag(400, 3), Some(0));
        assert_eq!(lag(399, 3), Some(1));
        assert_eq!(lag(100, 3), Some(2), "a replica of an idle primary does not lag");
        assert_eq!(lag(99, 3), None);
        // Ahead of every known position, while the primary cannot be asked any more.
        assert_eq!(lag(500, 33), Some(30));
        assert_eq!(lag(500, 34), None);
    }

    #[test]
    fn old_positions_are_dropped() {
        let start = Instant::now();
        let mut trail = Trail::new(LENGTH);
        for seconds in 0..100 {
            trail.add(start + Duration::from_secs(seconds), seconds as i64);
        }
        assert_eq!(trail.seen.len(), 31);
        assert_eq!(trail.lag(68, start + Duration::from_secs(99)), None);
        assert_eq!(trail.lag(69, start + Duration::from_secs(99)), Some(LENGTH));
    }

    /// A primary after a fail-over may be at a lower position than the last one was.
    #[test]
    fn positions_of_a_former_primary_do_not_count() {
        let start = Instant::now();
        let mut trail = Trail::new(LENGTH);
        trail.add(start, 500);
        trail.add(start + Duration::from_secs(1), 300);
        assert_eq!(trail.lag(350, start + Duration::from_secs(1)), Some(Duration::ZERO));
    }
}
