//! `X-Request-Id`: the client's id or a generated one.

use serde_json::json;
use uuid::Uuid;

use crate::support::{StoreKind, TestApp, on_both_stores};

on_both_stores! {
    fn the_clients_id_is_returned_with_every_answer(store: StoreKind) {
        let app = TestApp::start(store);
        let longest = "~".repeat(128);
        for id in ["x", "gate-7/2019:42", longest.as_str()] {
            let headers = [("X-Request-Id", id)];
            for answer in [
                app.request("GET", "/livez", &headers, ""),
                app.request("GET", "/nothing", &headers, ""),
                app.request("DELETE", "/table", &headers, ""),
                app.request("PROPFIND", "/table", &headers, ""),
                app.request("GET", "/table/view/date:x", &headers, ""),
                app.post_with(&headers, json!({"firstname": "a", "lastname": "b"})),
                app.post_with(&headers, "{"),
            ] {
                assert_eq!(answer.header("x-request-id"), Some(id), "{answer:?}");
            }
        }
    }

    fn an_invalid_id_is_replaced(store: StoreKind) {
        let app = TestApp::start(store);
        let long = "x".repeat(129);
        for id in ["", "two words", long.as_str()] {
            let answer = app.request("GET", "/livez", &[("X-Request-Id", id)], "");
            let generated: Uuid = answer.header("x-request-id").unwrap().parse().unwrap();
            let next: Uuid = app.get("/livez").header("x-request-id").unwrap().parse().unwrap();
            assert_ne!(generated, next);
        }
    }
}
