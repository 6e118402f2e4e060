use std::time::Duration;

/// The middle one of some figures, or the mean of the two in the middle. 0 of none.
pub fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_unstable_by(f64::total_cmp);
    match figures.len() {
        0 => 0.0,
        n => (figures[(n - 1) / 2] + figures[n / 2]) / 2.0,
    }
}

/// The least latency that `percent` of all were not above. `ascending` must be; 0 of none.
pub fn percentile(ascending: &[Duration], percent: usize) -> Duration {
    let rank = (ascending.len() * percent).div_ceil(100);
    ascending.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
