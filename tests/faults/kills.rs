//! The power fails: `kill -9` of the service, and of the whole database, under load.

use std::time::Duration;

use crate::gates::Gates;
use crate::support::{Cluster, Fresh, Process, StoreKind, on_both_stores};
use crate::turn;

on_both_stores! {
    fn what_was_acknowledged_survives_twenty_kills_of_the_service(store: StoreKind) {
        let _turn = turn::take();
        let store = Fresh::migrated(store);
        let mut service = Process::serve(&store.environment());
        let gates = Gates::open(8, service.address());
        for round in 0..20 {
            // Not the same number each time, so that the kill meets many moments of a commit.
            gates.wait_until_acknowledged(50 + round * 7 % 20);
            service.kill();
            service = Process::serve(&store.environment());
            gates.move_to(service.address());
        }
        let ledger = gates.close();
        assert!(ledger.unanswered().count() >= 20, "the kills met nothing in flight");
        ledger.assert_refused_within(Duration::from_secs(6));
        ledger.assert_kept(service.address());
        ledger.assert_each_once_after_sending_again(service.address());
    }
}

#[test]
fn what_was_acknowledged_survives_kills_of_the_whole_database() {
    let _turn = turn::take();
    let cluster = Cluster::start();
    let service = Process::serve(&cluster.environment());
    let gates = Gates::open(8, service.address());
    for round in 0..4 {
        gates.wait_until_acknowledged(100 + round * 7);
        cluster.kill();
        cluster.start_again();
    }
    gates.wait_until_acknowledged(100);
    let ledger = gates.close();
    assert_eq!(ledger.unanswered().count(), 0);
    ledger.assert_refused_within(Duration::from_secs(6));
    ledger.assert_kept(service.address());
    ledger.assert_each_once_after_sending_again(service.address());
}
