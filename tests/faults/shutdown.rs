//! The service is asked to end: everything that it has taken on is finished first.

use std::time::Duration;

use serde_json::json;

use crate::connection::{get, sheet};
use crate::gates::Gates;
use crate::store_lock::StoreLock;
use crate::support::{Fresh, Process, StoreKind, on_both_stores};
use crate::turn;
use crate::waiting::Waiting;

/// The time-out of a request, the grace for those in flight, which is a second longer, and what
/// may pass until the last connection is closed.
fn limit(timeout: u64) -> Duration {
    Duration::from_secs(timeout + (timeout + 1) + 3)
}

on_both_stores! {
    fn all_that_was_accepted_before_sigterm_is_answered_and_stored(store: StoreKind) {
        let _turn = turn::take();
        let store = Fresh::migrated(store);
        let mut environment = store.environment();
        environment.push(("DATABASE_TIMEOUT_SECONDS", "1".into()));
        let mut service = Process::serve(&environment);
        let gates = Gates::open(8, service.address());
        gates.wait_until_acknowledged(300);
        service.signal("TERM");
        assert_eq!(service.wait(limit(1)).code(), Some(0));

        let ledger = gates.close();
        assert_eq!(ledger.refused().count(), 0);
        let again = Process::serve(&environment);
        let stored = ledger.stored(again.address());
        // A request may arrive just when the service closes its idle connection. Then it was not
        // accepted: no byte of an answer came, and nothing was recorded.
        for (sent, broken) in ledger.unanswered() {
            assert_eq!(String::from_utf8_lossy(&broken.received), "");
            assert_eq!(stored.get(&sent.entry_id), None);
        }
        assert_eq!(stored.len(), ledger.acknowledged().count());
        ledger.assert_kept(again.address());
    }

    fn sigint_ends_an_idle_service_with_success(store: StoreKind) {
        let store = Fresh::migrated(store);
        let mut service = Process::serve(&store.environment());
        // Rocket begins to heed signals a moment after it listens; before it answers, at any rate.
        assert_eq!(get(service.address(), "/livez").status, 200);
        service.signal("INT");
        let ended = service.wait(limit(5));
        assert!(ended.success(), "{ended}: {:#?}", service.log());
        assert!(service.log().last().unwrap().contains("stopped"), "{:?}", service.log());
    }
}

#[test]
fn entries_that_wait_when_sigterm_comes_are_recorded_and_answered() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let mut service = Process::serve(&store.environment());
    let mut lock = StoreLock::take(&store);
    let mut waiting = Waiting::at(service.address());
    let entry =
        |number: u64| json!({"firstname": format!("Number {number}"), "lastname": "Visitor"});
    waiting.post(entry(0));
    lock.wait_until_met(1);
    (1..=6).for_each(|number| waiting.post(entry(number)));
    waiting.wait_until_queued(6);

    service.signal("TERM");
    service.wait_for_line("stopping: finishing what is in flight");
    drop(lock);
    let answers = waiting.answers();
    assert_eq!(service.wait(limit(5)).code(), Some(0));

    let again = Process::serve(&store.environment());
    let stored = sheet(again.address(), "today");
    assert_eq!(stored.len(), answers.len());
    for answer in answers {
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(stored.contains(&answer.json()));
    }
}
