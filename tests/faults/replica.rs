//! Sheets come from a streaming replica, and from the primary while the replica is away.

use std::process::Command;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
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

    /// Waits until the sheets say that they lag by more than they do at rest, and lack this gate.
    fn assert_lag_grows_without(&self, gate: &str) {
        patience::until("the lag grows", || lag(&self.sheet()).is_some_and(|lag| lag > 2.0));
        let sheet = self.sheet();
        assert!(lag(&sheet).is_some() && !shows(&sheet, gate), "{sheet:?}");
    }

    /// Waits until the sheets say that they lag by no more than the primary's last sign of life.
    fn wait_until_followed(&self) {
        patience::until("it has followed", || lag(&self.sheet()).is_some_and(|lag| lag < 1.0));
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
    patience::until("replay pauses", || {
        let state = diesel::select(sql::<Text>("pg_get_wal_replay_pause_state()"));
        state.get_result::<String>(&mut pair.replica.session()).unwrap() == "paused"
    });
    pair.record("B");
    pair.assert_lag_grows_without("B");
    pair.replica.session().batch_execute("SELECT pg_wal_replay_resume()").unwrap();
    pair.wait_for_replica("B");
    pair.wait_until_followed();
}

/// The connection stands and brings nothing: the replica by itself would not notice.
#[test]
fn a_stalled_stream_shows_in_the_lag() {
    let pair = Pair::start();
    pair.record("A");
    pair.wait_for_replica("A");

    let sender = diesel::select(sql::<Integer>("(SELECT pid FROM pg_stat_replication)"));
    let sender: i32 = sender.get_result(&mut pair.primary.session()).unwrap();
    let signal = |name: &str| {
        let sent = Command::new("kill").args(["-s", name, &sender.to_string()]).status();
        assert!(sent.unwrap().success());
    };
    signal("STOP");
    pair.record("B");
    pair.assert_lag_grows_without("B");
    signal("CONT");
    pair.wait_for_replica("B");
    pair.wait_until_followed();
}

#[test]
fn a_replica_that_was_promoted_serves_no_sheet() {
    let pair = Pair::start();
    pair.record("A");
    pair.wait_for_replica("A");
    pair.replica.session().batch_execute("SELECT pg_promote()").unwrap();
    pair.record("B");
    let sheet = pair.sheet();
    assert_eq!(lag(&sheet), None);
    assert!(shows(&sheet, "B"), "{sheet:?}");
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
fn a_frozen_replica_costs_a_part_of_the_time_out_and_no_sheet() {
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
