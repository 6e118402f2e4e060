//! What is no replica serves no sheet.

use serde_json::json;

use crate::support::{Fresh, Options, StoreKind, TestApp, on_both_stores};

on_both_stores! {
    fn a_store_that_records_by_itself_is_nobodys_replica(store: StoreKind) {
        let other = Fresh::migrated(store);
        let options = Options::default();
        let replica = Some(other.open(1, options.timeout));
        let app = TestApp::with(Fresh::migrated(store), Options { replica, ..options });
        assert_eq!(app.post(json!({"firstname": "Arvin", "lastname": "Cudanin"})).status, 201);
        // The second one finds the replica left alone.
        for fallbacks in 1..=2 {
            let answer = app.get("/table/view/date:today");
            assert_eq!(answer.header("rollcall-replica-lag"), None);
            assert_eq!(answer.json().as_array().unwrap().len(), 1);
            let counted = app.get("/metrics").body;
            let line = format!("\nrollcall_replica_fallbacks_total {fallbacks}\n");
            assert!(counted.contains(&line), "{counted}");
        }
    }
}
