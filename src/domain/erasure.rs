use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{ALL_MOMENTS, Day, Site, Text};

/// The text that names and reasons become when they are erased. A `person_ref` becomes null.
pub const ERASED: &str = "[erased]";

/// The erasure of an entry's names, as a store holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Its number among all changes.
    pub change: i64,
    pub entry_id: Uuid,
    pub at: DateTime<Utc>,
}

/// The entries whose names are to be erased. The other entries of their chains follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasureScope {
    /// Those with a `login` before this moment.
    Before(DateTime<Utc>),
    /// Those with this badge or staff number.
    PersonRef(Text),
    /// Those with both these names.
    Names { firstname: Text, lastname: Text },
}

impl ErasureScope {
    /// The entries of all days before the day that was `days` days before today at `site`. None are
    /// if that day is before the year 1.
    pub fn older_than(days: u32, site: &Site, now: DateTime<Utc>) -> Self {
        let first_kept: Option<Day> = site.day_of(now).earlier_by(days);
        Self::Before(first_kept.map_or(ALL_MOMENTS.start, |day| site.instants(day).start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_before_today_minus_the_given_days_are_older() {
        let site = Site::new("Asia/Manila".parse().unwrap(), "06:00").unwrap();
        let before =
            |now: &str, days| match ErasureScope::older_than(days, &site, now.parse().unwrap()) {
                ErasureScope::Before(moment) => moment.to_rfc3339(),
                other => panic!("{other:?}"),
            };
        let night_shift = "2024-03-01T21:59:59Z";
        assert_eq!(before(night_shift, 0), "2024-02-29T22:00:00+00:00");
        assert_eq!(before(night_shift, 1), "2024-02-28T22:00:00+00:00");
        assert_eq!(before("2024-03-01T22:00:00Z", 1), "2024-02-29T22:00:00+00:00");
        for days in [740_000, u32::MAX] {
            assert_eq!(before(night_shift, days), "0001-01-01T00:00:00+00:00");
        }
    }
}
