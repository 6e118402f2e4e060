use std::fmt;
use std::ops::Range;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, Offset, SubsecRound, Timelike, Utc};

/// Every moment that an entry may have: the years 0001 to 9999 in UTC.
// The compiler evaluates it, so it cannot fail later.
pub const ALL_MOMENTS: Range<DateTime<Utc>> = DateTime::from_timestamp(-62_135_596_800, 0).unwrap()
    ..DateTime::from_timestamp(253_402_300_800, 0).unwrap();

/// The reasons to reject a text as a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoment {
    /// It does not follow the grammar of RFC 3339.
    #[error(
        "must be an RFC 3339 time with seconds and an offset, such as 2019-06-24T09:12:21.5+08:00 or 2019-06-24T01:12:21Z"
    )]
    Malformed,
    /// The instant is before year 0001 or after year 9999 in UTC.
    #[error("must lie in the years 0001 to 9999 in UTC")]
    OutOfRange,
}

impl InvalidMoment {
    /// The stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "invalid_time",
            Self::OutOfRange => "out_of_range",
        }
    }
}

/// Reads a moment by the grammar of RFC 3339, section 5.6, and cuts it to microseconds.
///
/// Stricter than most parsers: `T` (or `t`) between date and time, seconds, and an offset with a
/// colon (or `Z`, `z`) are required; a leap second's `:60` and the hour 24 are refused.
pub fn parse_moment(text: &str) -> Result<DateTime<Utc>, InvalidMoment> {
    if !has_rfc3339_shape(text.as_bytes()) {
        return Err(InvalidMoment::Malformed);
    }
    let moment = DateTime::parse_from_rfc3339(text)
        .map_err(|_| InvalidMoment::Malformed)?
        .to_utc()
        .trunc_subsecs(6);
    match ALL_MOMENTS.contains(&moment) {
        true => Ok(moment),
        false => Err(InvalidMoment::OutOfRange),
    }
}

/// Whether `text` has digits and marks where the grammar has them, and seconds and offsets within
/// their bounds, which chrono does not enforce. Chrono checks that the date exists.
fn has_rfc3339_shape(text: &[u8]) -> bool {
    let Some((date_time, rest)) = text.split_at_checked(19) else { return false };
    let fits = |text: &[u8], shape: &[u8]| {
        text.len() == shape.len()
            && text.iter().zip(shape).all(|(&c, &s)| match s {
                b'0' => c.is_ascii_digit(),
                mark => c.to_ascii_uppercase() == mark,
            })
    };
    let (fraction, offset) = match rest {
        [b'.', digits @ ..] => {
            digits.split_at(digits.iter().take_while(|c| c.is_ascii_digit()).count())
        }
        _ => (&b"0"[..], rest),
    };
    let offset_is_real = match offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', hours_minutes @ ..] => {
            fits(hours_minutes, b"00:00")
                && &hours_minutes[..2] <= b"23".as_slice()
                && &hours_minutes[3..] <= b"59".as_slice()
        }
        _ => false,
    };
    fits(date_time, b"0000-00-00T00:00:00")
        && &date_time[17..] <= b"59".as_slice()
        && !fraction.is_empty()
        && offset_is_real
}

/// A moment in the form that clients read: `2019-06-24T09:12:21.123456+08:00`, always with
/// microseconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    bytes: [u8; 32],
    len: usize,
}

impl Stamp {
    /// In UTC, written with `Z`.
    pub fn utc(moment: DateTime<Utc>) -> Self {
        let mut stamp = Self::of(moment.naive_utc());
        stamp.push(b"Z");
        stamp
    }

    /// In a site's time, with its offset rounded to whole minutes, since RFC 3339 has no seconds in
    /// offsets. The local time is adjusted with it, so the stamp still names the same instant.
    ///
    /// RFC 3339 has no year above 9999, and most parsers reject the year 0000: a moment whose local
    /// year is out of range is written with the offset `+00:00` instead.
    pub fn local(moment: DateTime<Utc>, offset: FixedOffset) -> Self {
        let minutes =
            (offset.local_minus_utc().abs() + 30) / 60 * offset.local_minus_utc().signum();
        let rounded = FixedOffset::east_opt(minutes * 60).unwrap_or_else(|| Utc.fix());
        let local = moment.with_timezone(&rounded).naive_local();
        let (local, minutes) = match local.year() {
            1..=9999 => (local, minutes),
            _ => (moment.naive_utc(), 0),
        };
        let mut stamp = Self::of(local);
        let hours_minutes = minutes.unsigned_abs();
        stamp.push(if minutes < 0 { b"-" } else { b"+" });
        stamp.push(&digits::<2>(hours_minutes / 60));
        stamp.push(b":");
        stamp.push(&digits::<2>(hours_minutes % 60));
        stamp
    }

    /// The date and the time of day, without an offset yet.
    fn of(time: NaiveDateTime) -> Self {
        let mut stamp = Self { bytes: [0; 32], len: 0 };
        stamp.push(&digits::<4>(time.year().unsigned_abs()));
        for (mark, number) in [
            (b"-", time.month()),
            (b"-", time.day()),
            (b"T", time.hour()),
            (b":", time.minute()),
            (b":", time.second()),
        ] {
            stamp.push(mark);
            stamp.push(&digits::<2>(number));
        }
        stamp.push(b".");
        stamp.push(&digits::<6>(time.nanosecond() / 1_000 % 1_000_000));
        stamp
    }

    fn push(&mut self, ascii: &[u8]) {
        self.bytes[self.len..self.len + ascii.len()].copy_from_slice(ascii);
        self.len += ascii.len();
    }

    /// The stamp in ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The stamp's text.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever pushed, so this is always the whole text.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `number` as `N` ASCII digits. A sheet has two stamps in each row; with `format!` they would be
/// half of its cost.
fn digits<const N: usize>(mut number: u32) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_grammar_is_applied_strictly() {
        for (text, utc) in [
            ("2019-06-24T09:12:21+08:00", "2019-06-24T01:12:21.000000Z"),
            ("2019-06-24t09:12:21.123456789z", "2019-06-24T09:12:21.123456Z"),
            ("2019-06-24T09:12:21.9999999999999Z", "2019-06-24T09:12:21.999999Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2024-02-29T00:00:00-00:00", "2024-02-29T00:00:00.000000Z"),
            ("0000-12-31T23:30:00-23:59", "0001-01-01T23:29:00.000000Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Stamp::utc(parse_moment(text).unwrap()).as_str(), utc, "{text}");
        }
        for text in [
            "",
            "2019-06-24",
            "2019-06-24T09:12:21",
            "2019-06-24T09:12+08:00",
            "2019-06-24T09:12:21+0800",
            "2019-06-24T09:12:21+08",
            "2019-06-24 09:12:21Z",
            "2019-06-24T09:12:60Z",
            "2019-06-24T24:00:00Z",
            "2019-06-24T09:60:00Z",
            "2019-02-29T09:12:21Z",
            "2019-06-24T09:12:21.Z",
            "2019-06-24T09:12:21,5Z",
            "2019-06-24T09:12:21+24:00",
            "2019-06-24T09:12:21+08:60",
            "2019-06-24T09:12:21\u{2212}08:00",
            " 2019-06-24T09:12:21Z",
            "2019-06-24T09:12:21Z ",
            "+2019-06-24T09:12:21Z",
            "12019-06-24T09:12:21Z",
            "2019-06-24T09:12:21ZZ",
            "2019-6-24T09:12:21Z",
        ] {
            assert_eq!(parse_moment(text), Err(InvalidMoment::Malformed), "{text:?}");
        }
        for text in
            ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00Z"]
        {
            assert_eq!(parse_moment(text), Err(InvalidMoment::OutOfRange), "{text}");
        }
    }

    #[test]
    fn a_local_stamp_has_whole_minutes_and_a_year_that_parsers_read() {
        let moment = parse_moment("1890-01-01T00:00:00.000001Z").unwrap();
        let shown = |seconds| Stamp::local(moment, FixedOffset::east_opt(seconds).unwrap());
        assert_eq!(shown(1_172).as_str(), "1890-01-01T00:20:00.000001+00:20");
        assert_eq!(shown(-2_670).as_str(), "1889-12-31T23:15:00.000001-00:45");
        assert_eq!(shown(-20).as_str(), "1890-01-01T00:00:00.000001+00:00");

        let last = parse_moment("9999-12-31T23:00:00Z").unwrap();
        let manila = FixedOffset::east_opt(8 * 3600).unwrap();
        assert_eq!(Stamp::local(last, manila).as_str(), "9999-12-31T23:00:00.000000+00:00");
    }

    proptest! {
        #[test]
        fn a_stamp_names_the_same_instant_whatever_the_offset(
            micros in -62_135_596_800_000_000i64..=253_402_300_799_999_999,
            offset in -57_600i32..=57_600,
        ) {
            let moment = Utc.timestamp_micros(micros).unwrap();
            let offset = FixedOffset::east_opt(offset).unwrap();
            for stamp in [Stamp::utc(moment), Stamp::local(moment, offset)] {
                prop_assert_eq!(parse_moment(stamp.as_str()), Ok(moment), "{:?}", stamp);
            }
        }

        #[test]
        fn nothing_beyond_the_grammar_is_accepted(
            text in "[0-9]{4}-[0-9]{2}-[0-3][0-9][Tt _][0-2][0-9]:[0-6][0-9]:?[0-6]?[0-9]?(\\.[0-9]{0,9})?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
        ) {
            if parse_moment(&text).is_ok() {
                prop_assert!(DateTime::parse_from_rfc3339(&text).is_ok());
                prop_assert!(text.as_bytes()[10].eq_ignore_ascii_case(&b't'));
                prop_assert_ne!(&text[17..19], "60");
            }
        }
    }
}
