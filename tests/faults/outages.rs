//! The database is away for a while, and comes back: refusals in time, and nothing lost.

use std::time::{Duration, Instant};

use crate::connection::get;
use crate::gates::Gates;
use crate::patience;
use crate::probes::{assert_away, assert_there};
use crate::support::{Cluster, Process};
use crate::turn;

/// How long a request may wait for the store, in seconds, and when its answer must be there.
const TIMEOUT: &str = "2";
const LIMIT: Duration = Duration::from_secs(3);

/// How soon the service must serve again once the database does.
const RECOVERY: Duration = Duration::from_secs(5);

fn serve(cluster: &Cluster) -> Process {
    let mut environment = cluster.environment();
    environment.push(("DATABASE_TIMEOUT_SECONDS", TIMEOUT.into()));
    // Few, so that reads which hang use them up.
    environment.push(("DATABASE_POOL_SIZE", "2".into()));
    Process::serve(&environment)
}

#[test]
fn ten_seconds_without_a_database_are_refused_in_time_and_survived() {
    let _turn = turn::take();
    let cluster = Cluster::start();
    let service = serve(&cluster);
    let gates = Gates::open(8, service.address());
    gates.wait_until_acknowledged(100);
    assert_there(service.address());

    cluster.stop();
    // The time itself is the subject: long enough for every time-out and every back-off.
    let back = Instant::now() + Duration::from_secs(10);
    while Instant::now() < back {
        assert_away(service.address(), LIMIT);
    }
    cluster.start_again();

    assert_recovers(&service, gates);
}

#[test]
fn a_frozen_database_is_refused_in_time_and_survived() {
    let _turn = turn::take();
    let cluster = Cluster::start();
    let service = serve(&cluster);
    let gates = Gates::open(8, service.address());
    gates.wait_until_acknowledged(100);
    assert_there(service.address());

    cluster.pause();
    for _ in 0..3 {
        assert_away(service.address(), LIMIT);
    }
    gates.wait_until_refused(8);
    cluster.resume();

    assert_recovers(&service, gates);
}

/// Asserts that creates and sheets succeed soon, by the same process, and that nothing was lost.
fn assert_recovers(service: &Process, gates: Gates) {
    let begin = Instant::now();
    patience::until("the service is ready", || get(service.address(), "/readyz").status == 200);
    gates.wait_until_acknowledged(100);
    assert!(begin.elapsed() < RECOVERY, "{:?}", begin.elapsed());
    assert_there(service.address());

    let ledger = gates.close();
    assert!(ledger.refused().count() >= 8, "every gate was refused");
    assert_eq!(ledger.unanswered().count(), 0);
    ledger.assert_refused_within(LIMIT);
    ledger.assert_kept(service.address());
    ledger.assert_each_once_after_sending_again(service.address());
}
