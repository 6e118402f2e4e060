use std::fmt;

use chrono::{Datelike, Days, NaiveDate};

/// The date that names a sheet, in the years 0001 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(NaiveDate);

/// The text is not eight ASCII digits of a real calendar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid date. Use YYYYMMDD.")]
pub struct InvalidDay;

impl Day {
    /// Reads `YYYYMMDD`: exactly eight ASCII digits and a real day of the years 0001 to 9999.
    pub fn parse(text: &str) -> Result<Self, InvalidDay> {
        if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidDay);
        }
        // Eight ASCII digits are at most 99_999_999, so each part fits.
        let number = text.bytes().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        match year {
            0 => Err(InvalidDay),
            _ => NaiveDate::from_ymd_opt(year as i32, month, day).map(Self).ok_or(InvalidDay),
        }
    }

    /// The day that was `days` days before this one; `None` before the year 1.
    pub(super) fn earlier_by(self, days: u32) -> Option<Self> {
        let date = self.0.checked_sub_days(Days::new(days.into()))?;
        (date.year() >= 1).then_some(Self(date))
    }

    /// The day before; `None` before the year 1.
    pub fn previous(self) -> Option<Self> {
        self.earlier_by(1)
    }

    /// The first day of its month.
    pub fn first_of_month(self) -> Self {
        Self(self.0.with_day(1).unwrap_or(self.0))
    }

    /// The day after; `None` after the last of the year 9999.
    pub fn next(self) -> Option<Self> {
        self.0.succ_opt().filter(|date| date.year() <= 9999).map(Self)
    }

    /// `YYYY-MM-DD`, as tables have it.
    pub fn dashed(self) -> String {
        format!("{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }

    /// Such as `Monday, 24 June 2019`.
    pub fn in_words(self) -> String {
        self.0.format("%A, %-d %B %Y").to_string()
    }

    pub(super) fn from_date(date: NaiveDate) -> Self {
        Self(date)
    }

    pub(super) fn date(self) -> NaiveDate {
        self.0
    }
}

/// As in a path: `YYYYMMDD`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_is_eight_ascii_digits_of_a_real_date() {
        for good in ["20190624", "20240229", "00010101", "99991231"] {
            assert_eq!(Day::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "2019062",
            "201906244",
            "20190631",
            "20230229",
            "00000101",
            "20191301",
            "20190600",
            "2019-6-4",
            "+2019062",
            " 2019062",
            "２０１９０６２４",
            "20190٦٢٤",
            "today",
        ] {
            assert_eq!(Day::parse(bad), Err(InvalidDay), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_date_survives_writing_and_parsing(days in 1i32..=3_652_059) {
            let day = Day(NaiveDate::from_num_days_from_ce_opt(days).unwrap());
            prop_assert_eq!(Day::parse(&day.to_string()), Ok(day));
        }

        #[test]
        fn nothing_else_is_accepted(text in any::<String>()) {
            if let Ok(day) = Day::parse(&text) {
                prop_assert_eq!(day.to_string(), text);
            }
        }
    }
}
