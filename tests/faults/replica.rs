//! Sheets are read from a streaming replica, and from the primary while the replica is away.

use std::process::Command;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use serde_json::json;

use crate::connection::{get, post};
use crate::support::{Answer, Cluster, Process, wait_until};

const SHEET: &str = "/table/view/date:today";

/// A primary, its replica, and a service that uses both.
struct Replication {
    primary: Cluster,
    replica: Cluster,
    service: Process,
}

impl Replication {
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

    /// Today's sheet. Asserts that the answer is 200.
    fn sheet(&self) -> Answer {
        let answer = get(self.service.address(), SHEET);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Waits until the sheets report a lag that is larger than usual. Asserts that they come from
    /// the replica and lack this gate's entry.
    fn assert_lag_grows_without(&self, gate: &str) {
        wait_until("the lag grows", || lag(&self.sheet()).is_some_and(|lag| lag > 2.0));
        let sheet = self.sheet();
        assert!(lag(&sheet).is_some() && !shows(&sheet, gate), "{sheet:?}");
    }

    /// Waits until the sheets report a small lag again.
    fn wait_until_caught_up(&self) {
        wait_until("the replica has caught up", || lag(&self.sheet()).is_some_and(|lag| lag < 1.0));
    }

    /// The number of sheets that were read from the primary because the replica was not available.
    fn fallbacks(&self) -> u64 {
        let metrics = get(self.service.address(), "/metrics").body;
        let mut lines = metrics.lines();
        let count = lines.find_map(|line| line.strip_prefix("rollcall_replica_fallbacks_total "));
        count.unwrap().parse().unwrap()
    }

    /// Waits until the replica serves a sheet with this gate.
    fn wait_for_replica(&self, gate: &str) {
        wait_until("the replica shows the entry", || {
            let sheet = self.sheet();
            lag(&sheet).is_some() && shows(&sheet, gate)
        });
    }
}

/// The lag that the sheet reports, in seconds. `None` if the primary served it.
fn lag(sheet: &Answer) -> Option<f64> {
    Some(sheet.header("rollcall-replica-lag")?.parse().expect("a number of seconds"))
}

fn shows(sheet: &Answer, gate: &str) -> bool {
    sheet.json().as_array().unwrap().iter().any(|entry| entry["gate"] == gate)
}

#[test]
fn sheets_are_read_from_the_replica_and_report_its_lag() {
    let system = Replication::start();
    system.record("A");
    system.wait_for_replica("A");

    system.replica.session().batch_execute("SELECT pg_wal_replay_pause()").unwrap();
    wait_until("replay pauses", || {
        let state = diesel::select(sql::<Text>("pg_get_wal_replay_pause_state()"));
        state.get_result::<String>(&mut system.replica.session()).unwrap() == "paused"
    });
    system.record("B");
    system.assert_lag_grows_without("B");
    system.replica.session().batch_execute("SELECT pg_wal_replay_resume()").unwrap();
    system.wait_for_replica("B");
    system.wait_until_caught_up();
}

/// The replication connection stays open and sends nothing, which the replica itself cannot notice.
#[test]
fn a_stalled_stream_shows_in_the_lag() {
    let system = Replication::start();
    system.record("A");
    system.wait_for_replica("A");

    let sender = diesel::select(sql::<Integer>("(SELECT pid FROM pg_stat_replication)"));
    let sender: i32 = sender.get_result(&mut system.primary.session()).unwrap();
    let signal = |name: &str| {
        let sent = Command::new("kill").args(["-s", name, &sender.to_string()]).status();
        assert!(sent.unwrap().success());
    };
    signal("STOP");
    system.record("B");
    system.assert_lag_grows_without("B");
    signal("CONT");
    system.wait_for_replica("B");
    system.wait_until_caught_up();
}

#[test]
fn a_promoted_replica_serves_no_sheet() {
    let system = Replication::start();
    system.record("A");
    system.wait_for_replica("A");
    system.replica.session().batch_execute("SELECT pg_promote()").unwrap();
    system.record("B");
    let sheet = system.sheet();
    assert_eq!(lag(&sheet), None);
    assert!(shows(&sheet, "B"), "{sheet:?}");
}

#[test]
fn sheets_are_read_from_the_primary_while_the_replica_is_away() {
    let system = Replication::start();
    system.record("A");
    system.wait_for_replica("A");

    let before = system.fallbacks();
    system.replica.stop();
    for gate in ["B", "C"] {
        system.record(gate);
        let sheet = system.sheet();
        assert_eq!(lag(&sheet), None);
        assert!(shows(&sheet, gate), "{sheet:?}");
    }
    assert_eq!(system.fallbacks(), before + 2);

    system.replica.start_again();
    system.wait_for_replica("C");
}

#[test]
fn a_replica_that_hangs_costs_part_of_the_timeout_and_no_sheet() {
    let system = Replication::start();
    system.record("A");
    system.wait_for_replica("A");

    system.replica.pause();
    system.record("B");
    let begin = Instant::now();
    let sheet = system.sheet();
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert_eq!(lag(&sheet), None);
    assert!(shows(&sheet, "B"), "{sheet:?}");
    system.replica.resume();
    system.wait_for_replica("B");
}

#[test]
fn sheets_are_still_read_from_the_replica_while_the_primary_is_away() {
    let system = Replication::start();
    system.record("A");
    system.wait_for_replica("A");
    system.primary.stop();
    let sheet = system.sheet();
    assert!(lag(&sheet).is_some() && shows(&sheet, "A"), "{sheet:?}");
    // Creates need the primary, so readiness does too.
    get(system.service.address(), "/readyz").problem(503, "not_ready");
}
