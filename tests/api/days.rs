//! The instants of a day: the site's time zone, the start of its day, and daylight saving time.

use serde_json::json;

use crate::support::{Fresh, Options, StoreKind, TestApp, on_both_stores};

fn site(store: StoreKind, zone: &'static str, day_start: &'static str) -> TestApp {
    TestApp::with(Fresh::migrated(store), Options { zone, day_start, ..Options::default() })
}

/// Records an entry at each moment and counts the entries on each day's sheet.
fn count_by_day(app: &TestApp, moments: &[&str], days: &[&str]) -> Vec<usize> {
    for moment in moments {
        let answer = app.post(json!({"firstname": "a", "lastname": "b", "occurred_at": moment}));
        assert_eq!(answer.status, 201);
    }
    days.iter().map(|day| app.sheet(day).len()).collect()
}

on_both_stores! {
    fn days_of_23_and_of_25_hours_are_complete(store: StoreKind) {
        let app = site(store, "Europe/Berlin", "00:00");
        let spring = ["2024-03-30T22:59:59.999999Z", "2024-03-30T23:00:00Z", "2024-03-31T21:59:59.999999Z", "2024-03-31T22:00:00Z"];
        assert_eq!(count_by_day(&app, &spring, &["20240330", "20240331", "20240401"]), [1, 2, 1]);
        let autumn = ["2024-10-26T21:59:59Z", "2024-10-26T22:00:00Z", "2024-10-27T22:59:59Z", "2024-10-27T23:00:00Z"];
        assert_eq!(count_by_day(&app, &autumn, &["20241026", "20241027", "20241028"]), [1, 2, 1]);
        assert_eq!(app.sheet("20241027")[0]["login"], "2024-10-27T00:00:00.000000+02:00");
        assert_eq!(app.sheet("20241027")[1]["login"], "2024-10-27T23:59:59.000000+01:00");
    }

    fn a_night_shift_is_on_the_sheet_of_the_day_on_which_it_began(store: StoreKind) {
        let app = site(store, "Asia/Manila", "05:00");
        let night = ["2019-06-24T22:00:00+08:00", "2019-06-25T04:59:59.999999+08:00", "2019-06-25T05:00:00+08:00"];
        assert_eq!(count_by_day(&app, &night, &["20190624", "20190625"]), [2, 1]);
    }

    fn a_skipped_day_start_moves_forward_and_of_a_repeated_one_the_first_counts(store: StoreKind) {
        let app = site(store, "Europe/Berlin", "02:30");
        let spring = ["2024-03-31T01:29:59Z", "2024-03-31T01:30:00Z"];
        assert_eq!(count_by_day(&app, &spring, &["20240330", "20240331"]), [1, 1]);
        let autumn = ["2024-10-27T00:29:59Z", "2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"];
        assert_eq!(count_by_day(&app, &autumn, &["20241026", "20241027"]), [1, 2]);
    }

    fn today_is_the_sheet_of_the_current_moment(store: StoreKind) {
        let app = site(store, "Asia/Manila", "05:00");
        for (now, day) in [
            ("2020-01-10T20:59:59Z", "20200110"), ("2020-01-10T21:00:00Z", "20200111"), ("2020-11-01T12:00:00Z", "20201101"),
        ] {
            app.set_now(now);
            let entry = app.post(json!({"firstname": "a", "lastname": "b"})).json();
            assert_eq!(app.sheet("today"), [entry], "{now}");
            assert_eq!(app.sheet("today"), app.sheet(day), "{now}");
        }
    }

    fn the_first_and_the_last_possible_day_have_sheets(store: StoreKind) {
        let app = site(store, "UTC", "00:00");
        let ends = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"];
        assert_eq!(count_by_day(&app, &ends, &["00010101", "99991231"]), [1, 1]);
        assert_eq!(app.sheet("99991231")[0]["login"], "9999-12-31T23:59:59.999999+00:00");
    }
}
