//! `GET /metrics`, for Prometheus.

use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::support::{Fresh, Options, StoreKind, TestApp, on_both_stores, wait_until};

/// The value of a series in `/metrics`.
#[track_caller]
fn value(app: &TestApp, series: &str) -> String {
    let answer = app.get("/metrics");
    let line = answer.body.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {}", answer.body)).to_owned()
}

on_both_stores! {
    fn metrics_are_openmetrics_text(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = app.get("/metrics");
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
        );
        assert!(answer.body.ends_with("# EOF\n"), "{}", answer.body);
        let version = format!("rollcall_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
        assert_eq!(value(&app, &version), "1");
        assert_eq!(value(&app, "rollcall_queue_depth"), "0");
        assert_eq!(value(&app, "rollcall_queue_limit"), "1024");
        assert_eq!(value(&app, "rollcall_replica_fallbacks_total"), "0");
    }

    fn entries_are_counted_by_outcome(store: StoreKind) {
        let app = TestApp::start(store);
        let [created, replayed] =
            ["created", "replayed"].map(|o| format!("rollcall_entries_total{{outcome=\"{o}\"}}"));
        // The series exist before the first entry, so that Prometheus sees the first one as an increase.
        assert_eq!((value(&app, &created), value(&app, &replayed)), ("0".into(), "0".into()));
        let entry_id = "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f";
        let body = json!({"firstname": "Arvin", "lastname": "Cudanin", "entry_id": entry_id});
        assert_eq!(app.post(&body).status, 201);
        assert_eq!(app.post(&body).status, 200);
        let other = json!({"firstname": "Siobhán", "lastname": "O'Brien", "entry_id": entry_id});
        assert_eq!(app.post(other).status, 422);
        assert_eq!((value(&app, &created), value(&app, &replayed)), ("1".into(), "1".into()));
        assert_eq!(value(&app, "rollcall_problems_total{code=\"entry_id_reused\"}"), "1");
    }

    fn requests_are_counted_by_route_and_never_by_path(store: StoreKind) {
        let app = TestApp::start(store);
        app.get("/table/view/date:20190624");
        app.get("/table/view/date:Cudanin");
        app.get("/Cudanin");
        app.raw(b"CONNECT example.org:80 HTTP/1.1\r\nHost: rollcall\r\nConnection: close\r\n\r\n");
        let count = |method: &str, route: &str, status: u16| {
            value(&app, &format!(
                "rollcall_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
            ))
        };
        assert_eq!(count("GET", "/table/view/<_..>", 200), "1");
        assert_eq!(count("GET", "/table/view/<_..>", 400), "1");
        assert_eq!(count("GET", "none", 404), "1");
        assert_eq!(value(&app, "rollcall_problems_total{code=\"invalid_date\"}"), "1");
        assert_eq!(value(&app, "rollcall_problems_total{code=\"not_found\"}"), "1");
        // Rocket does not treat this as a request. It must be counted nevertheless.
        assert_eq!(value(&app, "rollcall_problems_total{code=\"bad_request\"}"), "1");
        let durations = "rollcall_http_request_duration_seconds";
        assert_eq!(value(&app, &format!("{durations}_count{{route=\"/table/view/<_..>\"}}")), "2");
        let bucket = format!("{durations}_bucket{{le=\"+Inf\",route=\"/table/view/<_..>\"}}");
        assert_eq!(value(&app, &bucket), "2");
        assert!(!app.get("/metrics").body.contains("Cudanin"));
    }
    fn entries_that_name_a_gate_are_counted_by_gate(store: StoreKind) {
        let app = TestApp::start(store);
        let entry = |gate: &str, id: &str| {
            json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": gate, "entry_id": id})
        };
        let id = "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f";
        let odd = r#"North "B" \ Süd"#;
        assert_eq!(app.post(entry("A", id)).status, 201);
        assert_eq!(app.post(entry("A", id)).status, 200);
        assert_eq!(app.post(entry(odd, "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e40")).status, 201);
        assert_eq!(app.post(json!({"firstname": "Arvin", "lastname": "Cudanin"})).status, 201);
        let count = |labels: &str| value(&app, &format!("rollcall_entries_total{{{labels}}}"));
        assert_eq!(count(r#"outcome="created""#), "1", "those without a gate");
        assert_eq!(count(r#"outcome="replayed""#), "0");
        assert_eq!(count(r#"outcome="created",gate="A""#), "1");
        assert_eq!(count(r#"outcome="replayed",gate="A""#), "1");
        assert_eq!(count(r#"outcome="created",gate="North \"B\" \\ Süd""#), "1");
    }

    fn more_than_a_hundred_gates_are_counted_together(store: StoreKind) {
        let app = TestApp::start(store);
        for number in 0..103 {
            let gate = format!("gate {number}");
            let entry = json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": gate});
            assert_eq!(app.post(entry).status, 201);
        }
        let count = |gate: &str| {
            value(&app, &format!("rollcall_entries_total{{outcome=\"created\",gate=\"{gate}\"}}"))
        };
        assert_eq!((count("gate 0"), count("gate 99"), count("other")), ("1".into(), "1".into(), "3".into()));
        // Those that have a count of their own keep it.
        assert_eq!(app.post(json!({"firstname": "a", "lastname": "b", "gate": "gate 7"})).status, 201);
        assert_eq!((count("gate 7"), count("other")), ("2".into(), "3".into()));
        let metrics = app.get("/metrics").body;
        assert_eq!(metrics.matches("rollcall_entries_total{outcome=\"created\",gate=").count(), 101);
        assert!(!metrics.contains("gate 100"), "{metrics}");
    }

    fn unknown_methods_are_counted_together(store: StoreKind) {
        let app = TestApp::start(store);
        for method in ["BREW", "PROPFIND", "get"] {
            app.raw(format!("{method} /table HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        }
        app.request("OPTIONS", "/table", &[], "").problem(405, "method_not_allowed");
        let count = |method: &str| {
            value(&app, &format!(
                "rollcall_http_requests_total{{method=\"{method}\",route=\"none\",status=\"405\"}}"
            ))
        };
        assert_eq!((count("other"), count("OPTIONS")), ("3".into(), "1".into()));
        assert!(!app.get("/metrics").body.contains("BREW"));
    }

    fn commits_and_the_queue_are_timed(store: StoreKind) {
        let app = TestApp::start(store);
        let entry_id = "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f";
        let entry = json!({"firstname": "a", "lastname": "b", "entry_id": entry_id});
        assert_eq!(app.post(&entry).status, 201);
        assert_eq!(app.post(&entry).status, 200);
        let void = app.request("POST", &format!("/table/entry/{entry_id}/void"), &[], r#"{"reason": "x"}"#);
        assert_eq!(void.status, 200);
        for (name, count) in [("queue_seconds", "3"), ("commit_seconds", "3"), ("commit_entries", "2")] {
            assert_eq!(value(&app, &format!("rollcall_{name}_count")), count);
            assert_eq!(value(&app, &format!("rollcall_{name}_bucket{{le=\"+Inf\"}}")), count);
        }
        assert_eq!(value(&app, "rollcall_commit_entries_sum"), "2.0");
        assert_eq!(value(&app, "rollcall_commit_entries_bucket{le=\"1.0\"}"), "2");
        let seconds: f64 = value(&app, "rollcall_commit_seconds_sum").parse().unwrap();
        assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
    }

    fn sheets_are_counted_by_their_length(store: StoreKind) {
        let app = TestApp::start(store);
        let length = app.get("/table/view/date:20190624").body.len();
        assert_eq!(value(&app, "rollcall_sheet_bytes_count"), "1");
        assert_eq!(value(&app, "rollcall_sheet_bytes_sum"), format!("{length}.0"));
        assert_eq!(value(&app, "rollcall_sheet_bytes_bucket{le=\"1000.0\"}"), "1");
        app.get("/table/view/date:x");
        assert_eq!(value(&app, "rollcall_sheet_bytes_count"), "1");
    }
}

#[test]
fn reads_that_run_and_wait_are_counted() {
    let options = Options { pool_size: 1, ..Options::default() };
    let app = TestApp::with(Fresh::migrated(StoreKind::Postgres), options);
    let reads = || {
        ["running", "waiting"]
            .map(|what| value(&app, &format!("rollcall_reads_{what}{{server=\"primary\"}}")))
    };
    assert_eq!(reads(), ["0", "0"]);
    assert!(!app.get("/metrics").body.contains("server=\"replica\""));
    let mut session = app.store.postgres();
    session.batch_execute("BEGIN; LOCK TABLE attendance IN ACCESS EXCLUSIVE MODE").unwrap();
    std::thread::scope(|scope| {
        let read = || app.get("/table/entry/01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f").status;
        let readers = [scope.spawn(read), scope.spawn(read), scope.spawn(read)];
        wait_until("one read runs and two wait", || reads() == ["1", "2"]);
        session.batch_execute("ROLLBACK").unwrap();
        assert_eq!(readers.map(|reader| reader.join().unwrap()), [404; 3]);
    });
    wait_until("none is left", || reads() == ["0", "0"]);
}
