//! `GET /metrics`, for Prometheus.

use serde_json::json;

use crate::support::{StoreKind, TestApp, on_both_stores};

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
}
