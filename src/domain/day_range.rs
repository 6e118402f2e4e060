use std::fmt;

use super::Day;

/// The most days that are read at once: a leap year.
const MAX_DAYS: usize = 366;

/// Days in a row, the first and the last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    first: Day,
    last: Day,
}

/// The reasons to reject two days as a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDayRange {
    #[error("must not be before 'from'")]
    Reversed,
    #[error("must be at most {MAX_DAYS} days, the first and the last included, from 'from'")]
    TooLong,
}

impl InvalidDayRange {
    /// The stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Reversed => "before_from",
            Self::TooLong => "too_long",
        }
    }
}

impl DayRange {
    /// At most 366 days.
    pub fn new(first: Day, last: Day) -> Result<Self, InvalidDayRange> {
        let range = Self { first, last };
        match range.days().nth(MAX_DAYS) {
            _ if first > last => Err(InvalidDayRange::Reversed),
            Some(_) => Err(InvalidDayRange::TooLong),
            None => Ok(range),
        }
    }

    pub fn first(&self) -> Day {
        self.first
    }

    pub fn last(&self) -> Day {
        self.last
    }

    /// The days in order.
    pub fn days(&self) -> impl Iterator<Item = Day> + Send + use<> {
        let last = self.last;
        std::iter::successors(Some(self.first), |day| day.next())
            .take_while(move |day| *day <= last)
    }
}

/// As in the name of a file: `YYYYMMDD-YYYYMMDD`, or one day if both are equal.
impl fmt::Display for DayRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: &str, last: &str) -> Result<DayRange, InvalidDayRange> {
        DayRange::new(Day::parse(first).unwrap(), Day::parse(last).unwrap())
    }

    #[test]
    fn a_range_has_both_its_ends_and_at_most_366_days() {
        let days = |first, last| range(first, last).map(|range| range.days().count());
        assert_eq!(days("20240228", "20240301"), Ok(3));
        assert_eq!(days("20240228", "20240228"), Ok(1));
        assert_eq!(days("20240101", "20241231"), Ok(366));
        assert_eq!(days("99991230", "99991231"), Ok(2));
        assert_eq!(days("20240101", "20250101"), Err(InvalidDayRange::TooLong));
        assert_eq!(days("00010101", "99991231"), Err(InvalidDayRange::TooLong));
        assert_eq!(days("20240229", "20240228"), Err(InvalidDayRange::Reversed));
    }
}
