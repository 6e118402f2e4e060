//! A configured replica that is not a replica of the primary.

use serde_json::json;

use crate::support::{Fresh, Options, StoreKind, TestApp, on_both_stores};

on_both_stores! {
    fn a_store_that_is_not_a_replica_serves_no_sheet(store: StoreKind) {
        let other = Fresh::migrated(store);
        let options = Options::default();
        let replica = Some(other.open(1, options.timeout));
        let app = TestApp::with(Fresh::migrated(store), Options { replica, ..options });
        assert_eq!(app.post(json!({"firstname": "Arvin", "lastname": "Cudanin"})).status, 201);
        // The second sheet is requested while the replica is not used because of the first failure.
        for fallbacks in 1..=2 {
            let answer = app.get("/table/view/date:today");
            assert_eq!(answer.header("rollcall-replica-lag"), None);
            assert_eq!(answer.json().as_array().unwrap().len(), 1);
            let metrics = app.get("/metrics").body;
            let line = format!("\nrollcall_replica_fallbacks_total {fallbacks}\n");
            assert!(metrics.contains(&line), "{metrics}");
        }
    }
}
