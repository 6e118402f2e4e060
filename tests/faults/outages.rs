//! The database is away for a while and comes back: refusals in time, and no entry lost.

use std::time::{Duration, Instant};

use crate::connection::get;
use crate::load_generator::LoadGenerator;
use crate::load_lock;
use crate::probes::{assert_store_reachable, assert_store_unreachable};
use crate::support::{Cluster, Process, wait_until};

/// `DATABASE_TIMEOUT_SECONDS`, and the limit for an answer.
const TIMEOUT: &str = "2";
const LIMIT: Duration = Duration::from_secs(3);

/// The limit for the service to recover once the database is back.
const RECOVERY: Duration = Duration::from_secs(5);

fn serve(cluster: &Cluster) -> Process {
    let mut environment = cluster.environment();
    environment.push(("DATABASE_TIMEOUT_SECONDS", TIMEOUT.into()));
    // Small, so that reads that hang use the whole pool.
    environment.push(("DATABASE_POOL_SIZE", "2".into()));
    Process::serve(&environment)
}

#[test]
fn requests_are_refused_in_time_while_the_database_is_stopped_and_no_entry_is_lost() {
    let _load = load_lock::acquire();
    let cluster = Cluster::start();
    let service = serve(&cluster);
    let load = LoadGenerator::start(8, service.address());
    load.wait_until_acknowledged(100);
    assert_store_reachable(service.address());

    cluster.stop();
    // The duration is part of what is tested: longer than every timeout and every backoff.
    let back = Instant::now() + Duration::from_secs(10);
    while Instant::now() < back {
        assert_store_unreachable(service.address(), LIMIT);
    }
    cluster.start_again();

    assert_recovers(&service, load);
}

#[test]
fn requests_are_refused_in_time_while_the_database_hangs_and_no_entry_is_lost() {
    let _load = load_lock::acquire();
    let cluster = Cluster::start();
    let service = serve(&cluster);
    let load = LoadGenerator::start(8, service.address());
    load.wait_until_acknowledged(100);
    assert_store_reachable(service.address());

    cluster.pause();
    for _ in 0..3 {
        assert_store_unreachable(service.address(), LIMIT);
    }
    load.wait_until_refused(8);
    cluster.resume();

    assert_recovers(&service, load);
}

/// Asserts that the same process soon serves creates and sheets again, and that no entry was lost.
fn assert_recovers(service: &Process, load: LoadGenerator) {
    let begin = Instant::now();
    wait_until("the service is ready", || get(service.address(), "/readyz").status == 200);
    load.wait_until_acknowledged(100);
    assert!(begin.elapsed() < RECOVERY, "{:?}", begin.elapsed());
    assert_store_reachable(service.address());

    load.stop().assert_nothing_lost_in_an_outage(service.address(), LIMIT);
}
