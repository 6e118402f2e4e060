//! `kill -9` of the service, and of the whole database, under load.

use std::time::Duration;

use crate::load_generator::LoadGenerator;
use crate::load_lock;
use crate::support::{Cluster, Fresh, Process, StoreKind, on_both_stores};

on_both_stores! {
    fn acknowledged_entries_survive_twenty_kills_of_the_service(store: StoreKind) {
        let _load = load_lock::acquire();
        let store = Fresh::migrated(store);
        let mut service = Process::serve(&store.environment());
        let load = LoadGenerator::start(8, service.address());
        for round in 0..20 {
            // The number differs, so that the kills hit different moments of a commit.
            load.wait_until_acknowledged(50 + round * 7 % 20);
            service.kill();
            service = Process::serve(&store.environment());
            load.set_address(service.address());
        }
        let log = load.stop();
        assert!(log.unanswered().count() >= 20, "the kills met no request in flight");
        log.assert_refused_within(Duration::from_secs(6));
        log.assert_acknowledged_are_stored(service.address());
        log.assert_retries_store_each_once(service.address());
    }
}

#[test]
fn acknowledged_entries_survive_kills_of_the_database() {
    let _load = load_lock::acquire();
    let cluster = Cluster::start();
    let service = Process::serve(&cluster.environment());
    let load = LoadGenerator::start(8, service.address());
    for round in 0..4 {
        load.wait_until_acknowledged(100 + round * 7);
        cluster.kill();
        cluster.start_again();
    }
    load.wait_until_acknowledged(100);
    let log = load.stop();
    assert_eq!(log.unanswered().count(), 0);
    log.assert_refused_within(Duration::from_secs(6));
    log.assert_acknowledged_are_stored(service.address());
    log.assert_retries_store_each_once(service.address());
}
