use std::sync::atomic::{AtomicU64, Ordering};

/// How often values were seen, by ranges. Counting is a few instructions, without a lock or an
/// allocation, so that it costs nothing in the path of every entry.
#[derive(Debug)]
pub struct Distribution {
    /// The upper bounds of the ranges, ascending and included. What is above the last one is counted too.
    bounds: &'static [u64],
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What was counted up to some moment.
#[derive(Debug, PartialEq, Eq)]
pub struct Counted {
    /// The upper bound of each range, and how many values are in it. The last range has no bound.
    pub ranges: Vec<(Option<u64>, u64)>,
    pub sum: u64,
}

impl Distribution {
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts `value` this many `times`.
    pub fn count(&self, value: u64, times: u64) {
        let range = self.bounds.partition_point(|&bound| bound < value);
        self.counts[range].fetch_add(times, Ordering::Relaxed);
        self.sum.fetch_add(value.saturating_mul(times), Ordering::Relaxed);
    }

    /// While other threads count, `sum` may lack what they have counted last, or the other way round.
    pub fn counted(&self) -> Counted {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        Counted { ranges: bounds.zip(counts).collect(), sum: self.sum.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_by_ranges_that_include_their_upper_bound() {
        let distribution = Distribution::new(&[10, 100]);
        for value in [0, 10, 11, 100, 101, 1_000_000] {
            distribution.count(value, 1);
        }
        distribution.count(50, 3);
        let ranges = vec![(Some(10), 2), (Some(100), 5), (None, 2)];
        assert_eq!(distribution.counted(), Counted { ranges, sum: 1_000_372 });
    }
}
