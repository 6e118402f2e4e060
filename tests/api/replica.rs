//! When a read replica is not good enough, the primary serves the sheet.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rollcall::domain::Entry;
use rollcall::store::{Migration, Recorder, Store, StoreError};
use serde_json::json;

use crate::support::{Fresh, Options, StoreKind, TestApp, on_both_stores};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A store that says how far it is behind.
struct Behind {
    store: Arc<dyn Store>,
    lag: Duration,
}

impl Store for Behind {
    fn lag(&self) -> Result<Duration, StoreError> {
        Ok(self.lag)
    }

    fn each_entry(
        &self,
        instants: Range<DateTime<Utc>>,
        each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.store.each_entry(instants, each)
    }

    fn kind(&self) -> &'static str {
        unreachable!("only sheets are read from a replica")
    }

    fn recorder(&self) -> Result<Box<dyn Recorder>, StoreError> {
        unreachable!("only sheets are read from a replica")
    }

    fn count(&self, _: Range<DateTime<Utc>>) -> Result<u64, StoreError> {
        unreachable!("only sheets are read from a replica")
    }

    fn known_migrations(&self) -> Result<Vec<Migration>, StoreError> {
        unreachable!("only sheets are read from a replica")
    }

    fn applied_versions(&self) -> Result<Vec<String>, StoreError> {
        unreachable!("only sheets are read from a replica")
    }

    fn migrate(&self, _: Instant, _: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        unreachable!("only sheets are read from a replica")
    }
}

/// A service with an entry in its store, and a replica without any.
fn with_replica(kind: StoreKind, replica: Arc<dyn Store>) -> TestApp {
    let options = Options { replica: Some(replica), ..Options::default() };
    let app = TestApp::with(Fresh::migrated(kind), options);
    assert_eq!(app.post(json!({"firstname": "Arvin", "lastname": "Cudanin"})).status, 201);
    app
}

on_both_stores! {
    fn a_replica_may_be_half_a_minute_behind(store: StoreKind) {
        let empty = Fresh::migrated(store);
        for (seconds, from_replica) in [(0.0, true), (1.25, true), (30.0, true), (30.001, false)] {
            let lag = Duration::from_secs_f64(seconds);
            let behind = Behind { store: empty.open(1, TIMEOUT), lag };
            let app = with_replica(store, Arc::new(behind));
            let answer = app.get("/table/view/date:today");
            assert_eq!(answer.status, 200, "{answer:?}");
            let said = answer.header("rollcall-replica-lag").map(str::to_owned);
            assert_eq!(said, from_replica.then(|| format!("{seconds:.3}")));
            assert_eq!(answer.json().as_array().unwrap().len(), usize::from(!from_replica));
        }
    }

    fn a_replica_that_lacks_the_schema_serves_no_sheet(store: StoreKind) {
        let bare = Fresh::bare(store);
        let app = with_replica(store, bare.open(1, TIMEOUT));
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
