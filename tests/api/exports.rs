//! `GET /table/export`: complete, or visibly broken off.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rollcall::domain::Access;
use serde_json::json;

use crate::reading::{SHEET, names};
use crate::sheets::seed;
use crate::support::{
    Fresh, Options, StoreKind, TestApp, on_both_stores, wait_until, wait_until_within,
};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// Five days. This moment (microseconds since 1970) lies on the first of them.
const DAYS: &str = "/table/export?from=20190414&to=20190418";
const FIRST_DAY: i64 = 18_000 * 86_400_000_000;

/// Stores 20,000 entries with long names on each of the first three days: more than the buffers of a
/// connection hold.
fn seed_three_days(app: &TestApp, store: StoreKind) {
    for day in 0..3 {
        let short = seed(store, 20_000, FIRST_DAY + day * 86_400_000_000);
        let long = short.replace("'Łukasz '", &format!("'{} '", "Ł".repeat(90)));
        app.store.sql(&long.replace("'Benson '", &format!("'{} '", "n".repeat(90))));
    }
}

/// A service that waits long for the store, because it reads much, maybe on a busy machine.
fn start(store: StoreKind, options: Options) -> TestApp {
    let app = TestApp::with(
        Fresh::migrated(store),
        Options { timeout: Duration::from_secs(60), ..options },
    );
    seed_three_days(&app, store);
    app
}

/// Begins to read the export of the five days, and stops.
fn begin(app: &TestApp) -> TcpStream {
    let mut reader = app.begin(&format!("{DAYS}&format=ndjson"));
    let mut head = [0; 16];
    reader.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK\r");
    reader
}

/// Whether what is left of an answer has the end of a chunked body.
fn has_clean_end(mut reader: TcpStream) -> bool {
    let mut rest = Vec::new();
    // Both are a broken connection: an end of the stream in the middle, and a reset.
    let _ = reader.read_to_end(&mut rest);
    rest.ends_with(b"\r\n0\r\n\r\n")
}

/// Whether the server holds its side of the connection from `client` open, by the kernel's table.
fn is_open_at_server(server: SocketAddr, client: SocketAddr) -> bool {
    let ports = format!(":{:04X} {}:{:04X} 01 ", server.port(), "0100007F", client.port());
    std::fs::read_to_string("/proc/net/tcp").unwrap().lines().any(|line| line.contains(&ports))
}

on_both_stores! {
    fn an_export_has_its_days_in_order_and_ids_ascending_within_each(store: StoreKind) {
        let app = TestApp::start(store);
        let on = |day: &str, name: &str| {
            app.post(json!({"firstname": name, "lastname": "x", "occurred_at": format!("2019-06-{day}+08:00")}));
        };
        on("25T23:59:59.999999", "d");
        on("24T20:00:00", "a");
        on("24T08:00:00", "b");
        on("25T00:00:00", "e");
        on("26T00:00:00", "outside");
        on("23T23:59:59", "outside");
        let export = app.get("/table/export?from=20190624&to=20190625");
        assert_eq!(names(&export), ["a", "b", "d", "e"]);
        assert_eq!(export.header("content-length"), None);
        assert_eq!(names(&app.get("/table/export?from=20190624&to=20190625&q=D")), ["d"]);
        assert_eq!(app.get("/table/export?from=20190101&to=20190102").body, "[]");
        assert_eq!(app.get("/table/export?from=20190624&to=20190624").body, app.get(SHEET).body);

        let csv = app.get("/table/export?from=20190624&to=20190625&format=csv");
        assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"attendance-20190624-20190625.csv\""));
        let dates: Vec<_> = csv.body.lines().map(|line| line.split(',').nth(1).unwrap()).collect();
        assert_eq!(dates, ["date", "2019-06-24", "2019-06-24", "2019-06-25", "2019-06-25"]);
        let one = app.get("/table/export?from=20190624&to=20190624&format=csv");
        assert_eq!(one.header("content-disposition"), Some("attachment; filename=\"attendance-20190624.csv\""));

        let head = app.request("HEAD", "/table/export?from=20190624&to=20190625", &[], "");
        assert_eq!((head.status, head.body.as_str(), head.header("content-length")), (200, "", None));
        app.request("POST", "/table/export", &[], "").problem(405, "method_not_allowed");
    }

    fn a_long_export_is_complete_and_the_third_at_once_is_busy(store: StoreKind) {
        let app = start(store, Options { pool_size: 1, ..Options::default() });
        // Neither reads on, and there is only one connection to the store.
        let (one, other) = (begin(&app), begin(&app));
        let busy = app.get(DAYS);
        busy.problem(503, "busy");
        assert!(busy.header("retry-after").is_some());
        assert_eq!(app.get("/readyz").status, 200);
        assert_eq!(names(&app.get("/table/view/date:20190415?q=n+19999")).len(), 1);
        drop(other);
        assert!(has_clean_end(one));
        let ndjson = format!("{DAYS}&format=ndjson");
        wait_until("both exports have ended", || app.get(&ndjson).status == 200);
        assert_eq!(app.get(&ndjson).body.lines().count(), 60_000);
    }

    fn an_export_that_fails_in_the_middle_has_no_clean_end(store: StoreKind) {
        let app = start(store, Options::default());
        let reader = begin(&app);
        // The buffers hold less than two days, so that the third has not been read.
        app.store.sql("ALTER TABLE attendance RENAME TO elsewhere");
        assert!(!has_clean_end(reader), "the answer seems to be complete");
    }

    fn an_export_ends_within_5_seconds_of_its_token(store: StoreKind) {
        let options = Options { access: Access::Token, admin_token: Some(ADMIN), token: Some(ADMIN.into()), ..Options::default() };
        let mut app = start(store, options);
        let made = app.request("POST", "/admin/tokens", &[], &json!({"name": "payroll", "role": "reader"}).to_string());
        assert_eq!(made.status, 201, "{made:?}");
        let admin = app.exchange_token(made.json()["token"].as_str().unwrap());
        let revoked = begin(&app);
        app.exchange_token(&admin);
        let lasting = begin(&app);
        assert_eq!(app.request("DELETE", "/admin/tokens/payroll", &[], "").status, 200);
        // The client accepts nothing, and still the connection is closed.
        let client = revoked.local_addr().unwrap();
        wait_until_within(Duration::from_secs(5), "the connection is closed", || {
            !is_open_at_server(app.address(), client)
        });
        assert!(!has_clean_end(revoked));
        assert!(is_open_at_server(app.address(), lasting.local_addr().unwrap()));
        assert!(has_clean_end(lasting), "another token's export goes on");
    }
}
