use std::ops::Range;

use chrono::{
    DateTime, Days, FixedOffset, LocalResult, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc,
};
use chrono_tz::{GapInfo, Tz};

use super::Day;

/// The place of the gates: its time zone and start of the day, which assign each moment to a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    zone: Tz,
    day_start: NaiveTime,
}

/// The text is not a time of day from `00:00` to `23:59`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time of day from 00:00 to 23:59, as HH:MM")]
pub struct InvalidDayStart;

impl Site {
    /// A site in `zone` whose day begins at `day_start` (`HH:MM`), for shifts that end after midnight.
    pub fn new(zone: Tz, day_start: &str) -> Result<Self, InvalidDayStart> {
        let [h1, h0, b':', m1, m0] = *day_start.as_bytes() else { return Err(InvalidDayStart) };
        let number = |tens: u8, ones: u8| match (tens, ones) {
            (b'0'..=b'9', b'0'..=b'9') => {
                Some(u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
            }
            _ => None,
        };
        let day_start = number(h1, h0)
            .zip(number(m1, m0))
            .and_then(|(hours, minutes)| NaiveTime::from_hms_opt(hours, minutes, 0))
            .ok_or(InvalidDayStart)?;
        Ok(Self { zone, day_start })
    }

    /// A site in `zone` whose day begins at midnight.
    pub fn in_zone(zone: Tz) -> Self {
        Self { zone, day_start: NaiveTime::MIN }
    }

    /// The sheet of `day`: from its start to the start of the next day, as two instants.
    ///
    /// Days never overlap and leave no gap, whatever the clocks do: each end is the next start.
    pub fn instants(&self, day: Day) -> Range<DateTime<Utc>> {
        let date = day.date();
        // chrono's dates reach beyond the year 262000, a day's only to 9999.
        let next = date.succ_opt().unwrap_or(date);
        self.instant_of(date.and_time(self.day_start))
            ..self.instant_of(next.and_time(self.day_start))
    }

    /// The day whose sheet contains `moment`.
    pub fn day_of(&self, moment: DateTime<Utc>) -> Day {
        // The start of the day and a clock change move a moment by at most two dates.
        let local = moment.with_timezone(&self.zone).date_naive();
        let first = local.checked_sub_days(Days::new(2)).unwrap_or(local);
        first
            .iter_days()
            .take(5)
            .map(Day::from_date)
            .find(|&day| self.instants(day).contains(&moment))
            .unwrap_or(Day::from_date(local))
    }

    /// The first moment of the sheet of `day` at which the site's clocks show `time`; `None` if they
    /// never do, because they skip it.
    pub fn moment_on(&self, day: Day, time: NaiveTime) -> Option<DateTime<Utc>> {
        let instants = self.instants(day);
        // The start of the day and a clock change move a moment by at most two dates.
        let first = day.date().checked_sub_days(Days::new(2))?;
        let shown = first.iter_days().take(5).flat_map(|date| {
            let shown = self.zone.from_local_datetime(&date.and_time(time));
            [shown.earliest(), shown.latest()].into_iter().flatten()
        });
        shown.map(|moment| moment.to_utc()).filter(|moment| instants.contains(moment)).min()
    }

    /// The time of day that the site's clocks show at `moment`.
    pub fn time_at(&self, moment: DateTime<Utc>) -> NaiveTime {
        moment.with_timezone(&self.zone).time()
    }

    /// Whether the site's clocks have passed midnight since the start of the day whose sheet contains `moment`, so that
    /// their date is not that of the sheet.
    pub fn is_after_midnight(&self, moment: DateTime<Utc>) -> bool {
        self.time_at(moment) < self.day_start
    }

    /// The IANA name of the site's time zone.
    pub fn zone_name(&self) -> &'static str {
        self.zone.name()
    }

    /// How far the site's clocks are ahead of UTC at `moment`.
    pub fn offset_at(&self, moment: DateTime<Utc>) -> FixedOffset {
        self.zone.offset_from_utc_datetime(&moment.naive_utc()).fix()
    }

    /// When the site's clocks show `local`: the first time if they show it twice. If they skip it,
    /// the result is later by the length of the gap.
    fn instant_of(&self, local: NaiveDateTime) -> DateTime<Utc> {
        match self.zone.from_local_datetime(&local) {
            LocalResult::Single(moment) => moment.to_utc(),
            LocalResult::Ambiguous(one, other) => one.min(other).to_utc(),
            LocalResult::None => {
                // The offset before the gap moves the skipped time forward by the length of the gap.
                let before = GapInfo::new(&local, &self.zone)
                    .and_then(|gap| gap.begin)
                    .map_or_else(|| Utc.fix(), |(_, offset)| offset.fix());
                (local - before).and_utc()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    fn site(zone: Tz, start: &str) -> Site {
        Site::new(zone, start).unwrap()
    }

    fn hours(site: Site, day: &str) -> i64 {
        let sheet = site.instants(Day::parse(day).unwrap());
        (sheet.end - sheet.start).num_hours()
    }

    fn start(site: Site, day: &str) -> String {
        site.instants(Day::parse(day).unwrap()).start.format("%FT%TZ").to_string()
    }

    #[test]
    fn clock_changes_make_days_of_23_and_25_hours() {
        let berlin = site(Tz::Europe__Berlin, "00:00");
        assert_eq!(
            [hours(berlin, "20240330"), hours(berlin, "20240331"), hours(berlin, "20241027")],
            [24, 23, 25]
        );
        assert_eq!(start(berlin, "20240331"), "2024-03-30T23:00:00Z");
        assert_eq!(hours(site(Tz::Asia__Manila, "05:00"), "20190624"), 24);
        assert_eq!(start(site(Tz::Asia__Manila, "05:00"), "20190624"), "2019-06-23T21:00:00Z");
    }

    #[test]
    fn a_skipped_start_moves_forward_by_the_gap() {
        assert_eq!(start(site(Tz::Europe__Berlin, "02:30"), "20240331"), "2024-03-31T01:30:00Z");
        // Midnight itself is skipped in Beirut.
        assert_eq!(start(site(Tz::Asia__Beirut, "00:00"), "20240331"), "2024-03-30T22:00:00Z");
        // Samoa had no 30 December 2011 at all: its sheet is empty.
        let apia = site(Tz::Pacific__Apia, "00:00");
        assert_eq!(
            [hours(apia, "20111229"), hours(apia, "20111230"), hours(apia, "20111231")],
            [24, 0, 24]
        );
    }

    #[test]
    fn of_a_start_that_comes_twice_the_first_counts() {
        assert_eq!(start(site(Tz::Europe__Berlin, "02:30"), "20241027"), "2024-10-27T00:30:00Z");
        // In St. John's the clocks went from 00:01 back to 23:01 of the day before.
        let st_johns = site(Tz::America__St_Johns, "00:00");
        assert_eq!(start(st_johns, "20061029"), "2006-10-29T02:30:00Z");
        assert_eq!(
            st_johns.day_of("2006-10-29T02:45:00Z".parse().unwrap()),
            Day::parse("20061029").unwrap()
        );
    }

    #[test]
    fn a_time_belongs_to_the_day_on_whose_sheet_it_is() {
        let at = |site: Site, day: &str, time: &str| {
            site.moment_on(Day::parse(day).unwrap(), time.parse().unwrap())
                .map(|moment| moment.format("%FT%TZ").to_string())
        };
        let night = site(Tz::Asia__Manila, "06:00");
        assert_eq!(at(night, "20190624", "06:00:00").unwrap(), "2019-06-23T22:00:00Z");
        assert_eq!(at(night, "20190624", "05:59:00").unwrap(), "2019-06-24T21:59:00Z");
        let berlin = site(Tz::Europe__Berlin, "00:00");
        assert_eq!(at(berlin, "20241027", "02:30:00").unwrap(), "2024-10-27T00:30:00Z");
        assert_eq!(at(berlin, "20240331", "02:30:00"), None, "the clocks skip it");
    }

    #[test]
    fn a_day_start_is_hh_mm() {
        for bad in ["", "5:00", "24:00", "05:60", "05-00", "05:00:00", "+5:00", "０５:00", " 5:00"]
        {
            assert_eq!(Site::new(Tz::UTC, bad), Err(InvalidDayStart), "{bad:?}");
        }
    }

    fn zones() -> impl Strategy<Value = Tz> {
        (0..chrono_tz::TZ_VARIANTS.len()).prop_map(|i| chrono_tz::TZ_VARIANTS[i])
    }

    fn starts() -> impl Strategy<Value = String> {
        (0u32..24, 0u32..60).prop_map(|(h, m)| format!("{h:02}:{m:02}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn every_moment_is_on_exactly_one_sheet(
            zone in zones(), start in starts(), seconds in -5_000_000_000i64..5_000_000_000,
        ) {
            let site = site(zone, &start);
            let moment = Utc.timestamp_opt(seconds, 0).unwrap();
            let day = site.day_of(moment);
            prop_assert!(site.instants(day).contains(&moment));
            let holding = (-5..=5)
                .map(|n| Day::from_date(day.date() + TimeDelta::days(n)))
                .filter(|&day| site.instants(day).contains(&moment));
            prop_assert_eq!(holding.collect::<Vec<_>>(), vec![day]);
        }

        #[test]
        fn a_day_and_a_time_name_the_first_such_moment_of_the_sheet(
            zone in zones(), start in starts(), seconds in -5_000_000_000i64..5_000_000_000,
        ) {
            let site = site(zone, &start);
            let moment = Utc.timestamp_opt(seconds, 0).unwrap();
            let (day, time) = (site.day_of(moment), site.time_at(moment));
            let first = site.moment_on(day, time).unwrap();
            prop_assert!(first <= moment);
            prop_assert_eq!((site.day_of(first), site.time_at(first)), (day, time));
        }

        #[test]
        fn no_day_ends_before_it_starts(
            zone in zones(), start in starts(), days in 650_000i32..780_000,
        ) {
            let site = site(zone, &start);
            let date = NaiveDate::from_num_days_from_ce_opt(days).unwrap();
            let sheet = site.instants(Day::from_date(date));
            prop_assert!(sheet.start <= sheet.end);
            prop_assert!(sheet.end - sheet.start <= TimeDelta::hours(50));
        }

        #[test]
        fn a_day_starts_when_the_clocks_first_show_its_start(
            zone in zones(), start in starts(), days in 650_000i32..780_000,
        ) {
            let site = site(zone, &start);
            let date = NaiveDate::from_num_days_from_ce_opt(days).unwrap();
            let local = date.and_time(site.day_start);
            let begin = site.instants(Day::from_date(date)).start;
            let shown = begin.with_timezone(&zone).naive_local();
            prop_assert!(shown >= local, "{} shows {}", begin, shown);
            if shown == local {
                let earlier = (1..=24 * 60).map(|minutes| begin - TimeDelta::minutes(minutes));
                prop_assert!(!earlier.into_iter().any(|m| m.with_timezone(&zone).naive_local() == local));
            } else {
                prop_assert_eq!(zone.from_local_datetime(&local), LocalResult::None);
            }
        }
    }
}
