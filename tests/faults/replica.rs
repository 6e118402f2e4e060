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
    let page = get(system.service.address(), "/table/view/date:today?format=html");
    assert!(lag(&page).is_some() && page.header("rollcall-change").is_some(), "{page:?}");

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

/// A standby does not know which transactions write.
#[test]
fn the_changes_are_not_followed_on_a_standby() {
    let system = Replication::start();
    system.record("A");
    system.wait_for_replica("A");
    let service = Process::serve(&system.replica.environment());
    get(service.address(), "/table/changes").problem(503, "store_unavailable");
    let sheet = get(service.address(), SHEET);
    assert!(shows(&sheet, "A"), "{sheet:?}");
    assert_eq!(sheet.header("rollcall-change"), Some("0"));
}

/// What a sheet's header says is true of the replica's snapshot, which lags behind the primary.
#[test]
fn a_sheet_of_the_replica_contains_every_change_up_to_the_one_that_it_names() {
    let system = Replication::start();
    system.record("A");
    system.wait_for_replica("A");
    let change = |sheet: &Answer| sheet.header("rollcall-change").unwrap().parse::<i64>().unwrap();
    let ids = |sheet: &Answer| {
        let entries = sheet.json();
        let ids = entries.as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap());
        ids.collect::<Vec<_>>()
    };
    let mut sheets = Vec::new();
    let mut last = 1;
    // In each session a transaction draws a number before that of an entry, and commits later.
    let draw = "BEGIN; INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
         VALUES (gen_random_uuid(), now(), now(), 'Late', 'Commit')";
    // What the replica has is known twice a second, so that this is several times while they write.
    wait_until("sheets of the replica name later changes", || {
        let mut late = system.primary.session();
        late.batch_execute(draw).unwrap();
        system.record("B");
        sheets.push(system.sheet());
        late.batch_execute("COMMIT").unwrap();
        sheets.push(system.sheet());
        last += 2;
        let mut named: Vec<_> =
            sheets.iter().filter(|sheet| lag(sheet).is_some()).map(change).collect();
        named.dedup();
        named.len() >= 4
    });
    wait_until("the replica has everything, and the header says so", || {
        let sheet = system.sheet();
        change(&sheet) == last && lag(&sheet).is_some()
    });
    let all = ids(&system.sheet());
    assert_eq!(all.len() as i64, last);
    for sheet in &sheets {
        let (change, ids) = (change(sheet), ids(sheet));
        let up_to = |ids: &[i64]| ids.iter().filter(|id| **id <= change).count();
        assert_eq!(up_to(&ids), up_to(&all), "{change} {ids:?}");
    }
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
