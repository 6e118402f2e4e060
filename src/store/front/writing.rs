use std::time::{Duration, Instant};

use super::distribution::Distribution;

/// The bounds for durations, in microseconds.
const MICROS: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// The bounds for numbers of entries.
const ENTRIES: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/// What is measured of the queue and of its writer.
#[derive(Debug)]
pub struct Writing {
    /// How long requests to record waited for the writer to take them, in microseconds.
    pub in_queue: Distribution,
    /// How long the store took for a commit, in microseconds, successful or not.
    pub commit: Distribution,
    /// How many entries were committed together.
    pub entries: Distribution,
}

impl Writing {
    pub(super) fn new() -> Self {
        let durations = || Distribution::new(MICROS);
        Self { in_queue: durations(), commit: durations(), entries: Distribution::new(ENTRIES) }
    }

    /// The writer takes requests, each of which counts as this many, since these moments.
    pub(super) fn note_taken(&self, arrivals: &mut Vec<(Instant, usize)>) {
        let now = Instant::now();
        for (arrived, requests) in arrivals.drain(..) {
            self.in_queue.count(micros(now - arrived), requests as u64);
        }
    }

    pub(super) fn note_commit(&self, took: Duration) {
        self.commit.count(micros(took), 1);
    }
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}
