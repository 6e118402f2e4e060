//! `/metrics` on a port of its own, free of tokens.

use rollcall::domain::Access;
use serde_json::json;

use crate::support::{Fresh, Options, StoreKind, TestApp, on_both_stores};

const ADMIN: &str = "the-admin-token-of-the-metrics-tests";

fn start(store: StoreKind, access: Access) -> TestApp {
    let options = Options {
        has_metrics_port: true,
        access,
        admin_token: Some(ADMIN),
        token: Some(ADMIN.into()),
        ..Options::default()
    };
    TestApp::with(Fresh::migrated(store), options)
}

on_both_stores! {
    fn the_metrics_are_on_their_port_and_nowhere_else(store: StoreKind) {
        for access in [Access::Open, Access::Token] {
            let app = start(store, access);
            assert_eq!(app.post(json!({"firstname": "Arvin", "lastname": "Cudanin"})).status, 201);
            app.get("/metrics").problem(404, "not_found");
            app.request("POST", "/metrics", &[], "").problem(404, "not_found");
            let scraped = app.get_at_metrics_port("/metrics");
            assert_eq!(scraped.status, 200, "{scraped:?}");
            assert_eq!(
                scraped.header("content-type"),
                Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
            );
            for line in [
                "rollcall_entries_total{outcome=\"created\"} 1",
                "rollcall_http_requests_total{method=\"POST\",route=\"/table/create\",status=\"201\"} 1",
                "rollcall_queue_limit 1024",
            ] {
                assert!(scraped.body.contains(&format!("\n{line}\n")), "{line}: {}", scraped.body);
            }
            // The scrape before is counted, so that the port is watched like the other one.
            let again = app.get_at_metrics_port("/metrics").body;
            let count = "rollcall_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"200\"} 1";
            assert!(again.contains(&format!("\n{count}\n")), "{again}");
        }
    }

    fn the_metrics_port_has_nothing_else(store: StoreKind) {
        let app = start(store, Access::Open);
        for path in [
            "/", "/table", "/table/view/date:today", "/admin", "/admin/tokens", "/livez", "/readyz", "/health",
        ] {
            app.get_at_metrics_port(path).problem(404, "not_found");
        }
    }
}
