//! A rolling update from the previous release to this one and the rollback, under load, on one
//! schema.

use std::time::Duration;

use crate::connection::get;
use crate::load_balancer::LoadBalancer;
use crate::load_generator::LoadGenerator;
use crate::load_lock;
use crate::support::process::rollcall;
use crate::support::{Fresh, Process, StoreKind, wait_until};

/// Replaces `old` by `new` as a rolling update does: `new` gets connections once it is ready, and
/// `old` gets SIGTERM once no new connections go to it.
fn replace(
    balancer: &LoadBalancer,
    loads: [&LoadGenerator; 2],
    mut old: Process,
    new: Process,
) -> Process {
    let wait = || loads.iter().for_each(|load| load.wait_until_acknowledged(200));
    wait_until("the new process is ready", || get(new.address(), "/readyz").status == 200);
    balancer.set_targets(&[old.address(), new.address()]);
    wait();
    assert!(entries_created(&old) > 0 && entries_created(&new) > 0, "one process had no load");
    balancer.set_targets(&[new.address()]);
    old.signal("TERM");
    let ended = old.wait(Duration::from_secs(20));
    assert!(ended.success(), "{ended}");
    wait();
    new
}

/// The number of entries that a process has recorded, from its metrics.
fn entries_created(service: &Process) -> u64 {
    let metrics = get(service.address(), "/metrics").body;
    let series = metrics.lines().filter(|line| line.starts_with("rollcall_entries_total{"));
    let created = series.filter(|line| line.contains("outcome=\"created\""));
    created.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_rolling_update_and_its_rollback_under_load_lose_no_entry() {
    let _load = load_lock::acquire();
    let store = Fresh::migrated(StoreKind::Postgres);
    let environment = store.environment();

    let old = Process::serve_previous_release(&environment);
    let balancer = LoadBalancer::start(old.address());
    let keep_alive = LoadGenerator::start(4, balancer.address());
    let single = LoadGenerator::start_without_keep_alive(4, balancer.address());
    for load in [&keep_alive, &single] {
        load.wait_until_acknowledged(100);
    }
    // The migrate Job runs first, so the old release runs on the new schema.
    let migrated = rollcall(&["migrate"], &environment);
    assert!(migrated.status.success(), "{migrated:?}");
    keep_alive.wait_until_acknowledged(100);

    let loads = [&keep_alive, &single];
    let new = replace(&balancer, loads, old, Process::serve(&environment));
    let old_again = Process::serve_previous_release(&environment);
    let old_again = replace(&balancer, loads, new, old_again);

    let log = keep_alive.stop().merge(single.stop());
    assert_eq!(log.refused().count(), 0);
    log.assert_acknowledged_are_stored(old_again.address());
    log.assert_retries_store_each_once(old_again.address());
}
