//! The probes `/livez`, `/readyz` and `/admin`, and the details at `/health`.

use std::time::Duration;

use serde_json::json;

use crate::support::{Fresh, Options, StoreKind, TestApp, last_version, on_both_stores};

fn kind(store: StoreKind) -> &'static str {
    match store {
        StoreKind::Postgres => "postgres",
        StoreKind::Embedded => "embedded",
    }
}

on_both_stores! {
    fn a_migrated_store_is_ready(store: StoreKind) {
        let app = TestApp::start(store);
        for path in ["/livez", "/readyz", "/admin", "/admin/"] {
            assert_eq!(app.get(path).status, 200, "{path}");
        }
        assert_eq!(app.get("/health").json(), json!({
            "status": "ready",
            "version": env!("CARGO_PKG_VERSION"),
            "store": {"kind": kind(store), "reachable": true},
            "schema": {"state": "current", "applied": last_version(), "known": last_version()},
            "queue": {"depth": 0, "limit": 1024},
            "access": "open",
        }));
    }

    fn a_store_that_is_behind_is_not_ready(store: StoreKind) {
        let app = TestApp::with(Fresh::bare(store), Options::default());
        for path in ["/readyz", "/admin", "/admin/"] {
            let problem = app.get(path).problem(503, "not_ready");
            assert!(problem["detail"].as_str().unwrap().contains("migrate"), "{problem}");
        }
        assert_eq!(app.get("/livez").status, 200);
        let health = app.get("/health").json();
        assert_eq!(health["status"], "not_ready");
        assert_eq!(health["schema"], json!({"state": "behind", "applied": null, "known": last_version()}));
        assert_eq!(health["store"]["reachable"], true);
        for answer in [app.post(json!({"firstname": "a", "lastname": "b"})), app.get("/table/view/date:today")] {
            answer.problem(503, "store_unavailable");
            assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
        }
    }

    fn the_service_becomes_ready_when_the_store_is_migrated(store: StoreKind) {
        let app = TestApp::with(Fresh::bare(store), Options::default());
        let entry = json!({"firstname": "a", "lastname": "b"});
        app.post(&entry).problem(503, "store_unavailable");
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        app.store.open(1, Duration::from_secs(5)).migrate(deadline, &mut |_| {}).unwrap();
        assert_eq!(app.get("/readyz").status, 200);
        assert_eq!(app.post(&entry).status, 201);
        assert_eq!(app.sheet("today").len(), 1);
    }

    fn a_store_that_is_ahead_is_ready(store: StoreKind) {
        let app = TestApp::start(store);
        app.store.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
        assert_eq!(app.get("/readyz").status, 200);
        assert_eq!(app.get("/health").json()["schema"], json!({"state": "ahead", "applied": "99990101000000", "known": last_version()}));
        app.store.sql("DELETE FROM __diesel_schema_migrations WHERE version < '9'");
        app.get("/readyz").problem(503, "not_ready");
        assert_eq!(app.get("/health").json()["schema"]["state"], "behind");
    }
}
