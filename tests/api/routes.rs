//! The paths and methods of the service, and the answers to all other requests.

use std::time::Duration;

use serde_json::json;

use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, on_both_stores};

const GETS: [&str; 8] = [
    "/table",
    "/table/",
    "/table/view/date:20190624",
    "/table/view/date:today",
    "/admin",
    "/admin/",
    "/livez",
    "/readyz",
];

on_both_stores! {
    fn head_goes_wherever_get_does(store: StoreKind) {
        let app = TestApp::start(store);
        for path in GETS.into_iter().chain(["/health"]) {
            let (get, head) = (app.get(path), app.request("HEAD", path, &[], ""));
            assert_eq!((get.status, head.status), (200, 200), "{path}");
            assert_eq!(head.body, "");
            assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        }
        assert_eq!(app.request("HEAD", "/table/create", &[], "").status, 405);
        assert_eq!(app.request("HEAD", "/nothing", &[], "").status, 404);
    }

    fn a_wrong_method_is_405_with_allow(store: StoreKind) {
        let app = TestApp::start(store);
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            for path in GETS.into_iter().chain(["/health", "/metrics", "/table/view/", "/table/view/nonsense"]) {
                let answer = app.request(method, path, &[], "");
                answer.problem(405, "method_not_allowed");
                assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method} {path}");
            }
        }
        for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let answer = app.request(method, "/table/create", &[], "");
            answer.problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        }
    }

    fn methods_are_case_sensitive(store: StoreKind) {
        let app = TestApp::start(store);
        for method in ["get", "Get", "head"] {
            let raw = format!("{method} /table HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let answer = Answer::from_raw(&app.raw(raw.as_bytes()));
            answer.problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
        }
    }

    fn an_unknown_path_is_404(store: StoreKind) {
        let app = TestApp::start(store);
        for path in [
            "/", "/nothing", "/tables", "/table/create/", "/table//create", "//table/create", "/table/view", "/livez/", "/readyz/",
            "/health/", "/table/create/x", "/Table", "/admin//", "/table//", "/index.html",
        ] {
            for method in ["GET", "POST", "OPTIONS"] {
                app.request(method, path, &[], "").problem(404, "not_found");
            }
        }
    }

    fn malformed_percent_encoding_is_bad_request(store: StoreKind) {
        let app = TestApp::start(store);
        for path in ["/table/view/date:%zz", "/table/view/%", "/%g0", "/table%2", "/table/create%"] {
            let raw = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            Answer::from_raw(&app.raw(raw.as_bytes())).problem(400, "bad_request");
        }
        assert_eq!(app.get("/t%61ble").status, 200, "an encoded letter is that letter");
    }

    fn a_request_target_that_is_not_a_path_is_a_problem(store: StoreKind) {
        let app = TestApp::start(store);
        for (line, status, code) in [
            ("CONNECT example.org:80 HTTP/1.1", 400, "bad_request"),
            ("OPTIONS * HTTP/1.1", 404, "not_found"),
        ] {
            let raw = format!("{line}\r\nHost: x\r\nX-Request-Id: odd-one\r\nConnection: close\r\n\r\n");
            let answer = Answer::from_raw(&app.raw(raw.as_bytes()));
            answer.problem(status, code);
            assert_eq!(answer.header("x-request-id"), Some("odd-one"));
        }
        let absolute = "GET http://example.org/livez HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n";
        assert_eq!(Answer::from_raw(&app.raw(absolute.as_bytes())).status, 200, "a proxy may send the whole URL");
    }

    fn no_answer_contains_sql_or_a_file_or_a_host(store: StoreKind) {
        let timeout = Duration::from_secs(1);
        let app = TestApp::with(Fresh::migrated(store), Options { timeout, ..Options::default() });
        app.store.sql("ALTER TABLE attendance RENAME TO renamed");
        for answer in [app.post(json!({"firstname": "a", "lastname": "b"})), app.get("/table/view/date:today")] {
            answer.problem(503, "store_unavailable");
            for word in ["attendance", "SELECT", "INSERT", "relation", "no such", "127.0.0.1", "src/", "sqlite", "postgres"] {
                assert!(!answer.body.contains(word), "{word} in {}", answer.body);
            }
        }
    }
}
