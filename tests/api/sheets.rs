//! `GET /table/view/date:...`: the complete sheet or an error.

use serde_json::{Value, json};

use crate::support::{Fresh, Options, StoreKind, TestApp, on_both_stores};

/// SQL that inserts `count` entries, one per millisecond, starting at `from` (microseconds since 1970).
pub fn seed(store: StoreKind, count: u32, from: i64) -> String {
    let names = "'Łukasz ' || n, 'Benson ' || n, 'North'";
    match store {
        StoreKind::Postgres => format!(
            "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate) \
             SELECT gen_random_uuid(), to_timestamp(({from} / 1000 + n) / 1000.0), now(), {names} \
             FROM generate_series(0, {count} - 1) n"
        ),
        StoreKind::Embedded => format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count} - 1) \
             INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate) \
             SELECT lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4000-8000-' || hex(randomblob(6))), \
             {from} + n * 1000, 0, {names} FROM numbers"
        ),
    }
}

const NOON: i64 = 1_561_348_800_000_000; // 2019-06-24T04:00:00Z, noon in Manila

on_both_stores! {
    fn an_empty_day_is_an_empty_array(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = app.get("/table/view/date:20190624");
        assert_eq!((answer.status, answer.body.as_str()), (200, "[]"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }

    fn a_sheet_has_the_entries_of_its_day_only_in_the_order_of_their_ids(store: StoreKind) {
        let app = TestApp::start(store);
        let post = |occurred_at: &str| {
            app.post(json!({"firstname": "a", "lastname": "b", "occurred_at": occurred_at})).json()
        };
        let evening = post("2019-06-24T23:59:59.999999+08:00");
        let midnight = post("2019-06-24T00:00:00+08:00");
        post("2019-06-23T23:59:59.999999+08:00");
        post("2019-06-25T00:00:00+08:00");
        assert_eq!(app.sheet("20190624"), [evening, midnight]);
    }

    fn a_long_sheet_is_complete_and_has_its_content_length(store: StoreKind) {
        let app = TestApp::start(store);
        app.store.sql(&seed(store, 20_001, NOON));
        let answer = app.get("/table/view/date:20190624");
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
        assert!(answer.header("transfer-encoding").is_none());
        assert!(answer.body.len() > 2 * 1024 * 1024, "too short to be spooled to a file");
        let sheet: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(sheet.len(), 20_001);
        let ids: Vec<_> = sheet.iter().map(|entry| entry["id"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert_eq!(sheet[20_000]["lastname"], "Łukasz 20000");

        let head = app.request("HEAD", "/table/view/date:20190624", &[], "");
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!(head.header("content-length"), answer.header("content-length"));
    }

    fn slow_readers_use_no_connection_to_the_store(store: StoreKind) {
        use std::io::{Read, Write};
        let options = Options { pool_size: 1, ..Options::default() };
        let app = TestApp::with(Fresh::migrated(store), options);
        app.store.sql(&seed(store, 50_000, NOON));
        // Each requests 10 MB, which is more than the sockets' buffers can hold, and reads a few bytes.
        let mut slow: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(app.address()).unwrap()).collect();
        for reader in &mut slow {
            reader.write_all(b"GET /table/view/date:20190624 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            reader.read_exact(&mut [0; 16]).unwrap();
        }
        assert_eq!(app.sheet("20190624").len(), 50_000);
        assert_eq!(app.get("/readyz").status, 200);
    }

    fn a_path_without_a_valid_date_is_invalid_date(store: StoreKind) {
        let app = TestApp::start(store);
        for day in [
            "", "date:", "date:2019-06-24", "date:2019624", "date:20190631", "date:20190229", "date:00000101",
            "date:100000101", "date:20190624/", "date:20190624/x", "date:%D9%A2%D9%A0190624", "date:+2019062", "20190624",
            "date:20190624%20", "DATE:20190624", "date:TODAY", "today", "x/y", "date:%FF", "date: 2019624", "/date:20190624",
        ] {
            let problem = app.get(&format!("/table/view/{}", day.replace(' ', "%20"))).problem(400, "invalid_date");
            assert!(problem["detail"].as_str().unwrap().contains("Invalid date. Use YYYYMMDD."), "{day}");
        }
        for day in ["date:00010101", "date:99991231", "date:20200229", "date%3A20190624?date=1"] {
            assert_eq!(app.get(&format!("/table/view/{day}")).status, 200, "{day}");
        }
    }
}
