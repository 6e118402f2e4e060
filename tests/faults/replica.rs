//! Sheets come from a streaming replica, and from the primary while the replica is away.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::connection::{get, post};
use crate::patience;
use crate::support::{Answer, Cluster, Process};

const SHEET: &str = "/table/view/date:today";

/// A primary, its replica, and the service on both.
struct Pair {
    primary: Cluster,
    replica: Cluster,
    service: Process,
}

impl Pair {
    fn start() -> Self {
        let primary = Cluster::start();
        let replica = Cluster::start_following(&primary);
        let mut environment = primary.environment();
        environment.push(("DATABASE_READ_HOSTNAME", "127.0.0.1".into()));
        environment.push(("DATABASE_READ_PORT", replica.port().to_string()));
        environment.push(("DATABASE_TIMEOUT_SECONDS", "4".into()));
        let service = Process::serve(&environment);
        Self { primary, replica, service }
    }

    /// Records an entry for `gate`.
    fn record(&self, gate: &str) {
        let body = json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": gate});
        assert_eq!(post(self.service.address(), &body).status, 201);
    }

    /// Today's sheet, which must be there.
    fn sheet(&self) -> Answer {
        let answer = get(self.service.address(), SHEET);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// How many sheets the service has read from the primary for want of the replica.
    fn fallbacks(&self) -> u64 {
        let counted = get(self.service.address(), "/metrics").body;
        let mut lines = counted.lines();
        let count = lines.find_map(|line| line.strip_prefix("rollcall_replica_fallbacks_total "));
        count.unwrap().parse().unwrap()
    }

    /// Waits until the replica serves a sheet with this gate.
    fn wait_for_replica(&self, gate: &str) {
        patience::until("the replica shows the entry", || {
            let sheet = self.sheet();
            lag(&sheet).is_some() && shows(&sheet, gate)
        });
    }
}

/// How far behind the sheet says that it is, in seconds; `None` if the primary served it.
fn lag(sheet: &Answer) -> Option<f64> {
    Some(sheet.header("rollcall-replica-lag")?.parse().expect("a number of seconds"))
}

fn shows(sheet: &Answer, gate: &str) -> bool {
    sheet.json().as_array().unwrap().iter().any(|entry| entry["gate"] == gate)
}

#[test]
fn sheets_come_from_the_replica_and_say_how_far_it_is_behind() {
    let pair = Pair::start();
    pair.record("A");
    pair.wait_for_replica("A");

    pair.replica.session().batch_execute("SELECT pg_wal_replay_pause()").unwrap();
    pair.record("B");
    patience::until("the lag grows", || lag(&pair.sheet()).is_some_and(|lag| lag > 0.1));
    assert!(!shows(&pair.sheet(), "B"), "the sheet was read from the primary");

    pair.replica.session().batch_execute("SELECT pg_wal_replay_resume()").unwrap();
    pair.wait_for_replica("B");
    patience::until("nothing is behind", || lag(&pair.sheet()) == Some(0.0));
}

#[test]
fn sheets_fall_back_to_the_primary_while_the_replica_is_away() {
    let pair = Pair::start();
    pair.record("A");
    pair.wait_for_replica("A");

    let before = pair.fallbacks();
    pair.replica.stop();
    for gate in ["B", "C"] {
        pair.record(gate);
        let sheet = pair.sheet();
        assert_eq!(lag(&sheet), None);
        assert!(shows(&sheet, gate), "{sheet:?}");
    }
    assert_eq!(pair.fallbacks(), before + 2);

    pair.replica.start_again();
    pair.wait_for_replica("C");
}

#[test]
fn a_frozen_replica_costs_half_of_the_time_out_and_no_sheet() {
    let pair = Pair::start();
    pair.record("A");
    pair.wait_for_replica("A");

    pair.replica.pause();
    pair.record("B");
    let begin = Instant::now();
    let sheet = pair.sheet();
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert_eq!(lag(&sheet), None);
    assert!(shows(&sheet, "B"), "{sheet:?}");
    pair.replica.resume();
    pair.wait_for_replica("B");
}

#[test]
fn sheets_are_still_read_from_the_replica_while_the_primary_is_away() {
    let pair = Pair::start();
    pair.record("A");
    pair.wait_for_replica("A");
    // Creates need the primary, and so does readiness.
    pair.primary.stop();
    let sheet = pair.sheet();
    assert!(lag(&sheet).is_some() && shows(&sheet, "A"), "{sheet:?}");
    get(pair.service.address(), "/readyz").problem(503, "not_ready");
}
