//! Two processes of the service on one store get the same entry at the same time.

use std::sync::Barrier;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::connection::{Connection, sheet};
use crate::pending_creates::PendingCreates;
use crate::store_lock::StoreLock;
use crate::support::{Answer, Fresh, Process, StoreKind, on_both_stores, wait_until};

const OCCURRED_AT: &str = "2026-03-02T00:15:00Z";
const DAY: &str = "20260302";

fn entry(gate: &str) -> Value {
    json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": gate,
           "entry_id": Uuid::now_v7(), "occurred_at": OCCURRED_AT})
}

/// Sends the entries of each pair at the same time, one to each service, and returns both answers.
fn race(services: [&Process; 2], pairs: &[[Value; 2]]) -> Vec<[Answer; 2]> {
    let start = Barrier::new(2);
    let run = |side: usize| {
        let mut connection = Connection::open(services[side].address()).unwrap();
        let answers = pairs.iter().map(|pair| {
            start.wait();
            connection.post(&pair[side].to_string()).unwrap()
        });
        answers.collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let [left, right] = [0, 1].map(|side| scope.spawn(move || run(side)));
        left.join().unwrap().into_iter().zip(right.join().unwrap()).map(Into::into).collect()
    })
}

/// Runs several races in parallel, so that each service gets batches of such entries.
fn races(store: &Fresh, pair: impl Fn() -> [Value; 2]) -> (Vec<[Answer; 2]>, Vec<Value>) {
    let services = [(); 2].map(|()| Process::serve(&store.environment()));
    let answers = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|_| {
                let pairs: Vec<_> = (0..40).map(|_| pair()).collect();
                let [one, other] = &services;
                scope.spawn(move || race([one, other], &pairs))
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    (answers, sheet(services[0].address(), DAY))
}

on_both_stores! {
    fn one_entry_sent_to_two_services_is_created_by_one_and_replayed_by_the_other(store: StoreKind) {
        let (answers, stored) = races(&Fresh::migrated(store), || {
            let entry = entry("A");
            [entry.clone(), entry]
        });
        for pair in &answers {
            let created = pair.iter().filter(|answer| answer.status == 201).count();
            let replayed = |answer: &Answer| {
                answer.status == 200 && answer.header("idempotent-replayed") == Some("true")
            };
            let replays = pair.iter().filter(|answer| replayed(answer)).count();
            assert_eq!((created, replays), (1, 1), "{pair:?}");
            assert_eq!(pair[0].json(), pair[1].json());
            assert!(stored.contains(&pair[0].json()));
        }
        assert_eq!(stored.len(), answers.len());
    }

    fn two_contents_with_one_entry_id_sent_to_two_services_are_created_by_one_and_refused_by_the_other(store: StoreKind) {
        let (answers, stored) = races(&Fresh::migrated(store), || {
            let [one, mut other] = [entry("A"), entry("B")];
            other["entry_id"] = one["entry_id"].clone();
            [one, other]
        });
        for pair in &answers {
            let [created, refused] = match pair[0].status {
                201 => [&pair[0], &pair[1]],
                _ => [&pair[1], &pair[0]],
            };
            assert_eq!(created.status, 201, "{pair:?}");
            refused.problem(422, "entry_id_reused");
            assert!(stored.contains(&created.json()));
        }
        assert_eq!(stored.len(), answers.len());
    }
}

/// Both services queue the same entries, in opposite order, while the table is locked. So each of
/// them has all these entries in one batch when the lock is released.
#[test]
fn batches_of_the_same_entries_in_opposite_order_do_not_deadlock() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let mut services = [(); 2].map(|()| Process::serve(&store.environment()));
    const ROUNDS: usize = 5;
    const ENTRIES: usize = 30;
    for _ in 0..ROUNDS {
        let entries: Vec<_> = (0..ENTRIES).map(|_| entry("A")).collect();
        let mut lock = StoreLock::take(&store);
        let mut pending = services.each_ref().map(|service| PendingCreates::to(service.address()));
        for pending in &mut pending {
            pending.post(entry("first"));
        }
        lock.wait_until_blocked(2);
        for (one, other) in entries.iter().zip(entries.iter().rev()) {
            pending[0].post(one.clone());
            pending[1].post(other.clone());
        }
        for pending in &pending {
            pending.wait_until_queued(ENTRIES as u64);
        }
        drop(lock);
        let answers: Vec<_> = pending.into_iter().flat_map(PendingCreates::answers).collect();
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(200)), (ENTRIES + 2, ENTRIES), "{answers:?}");
    }
    assert_eq!(sheet(services[0].address(), DAY).len(), ROUNDS * (ENTRIES + 2));

    // No client would notice a deadlock, because the service retries such a batch in halves. So
    // the database's own count is checked. A session reports its statistics when it ends.
    services.iter_mut().for_each(Process::kill);
    let mut session = store.postgres();
    wait_until("the services' sessions have ended", || {
        let others = "(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())";
        diesel::select(sql::<BigInt>(others)).get_result::<i64>(&mut session).unwrap() == 1
    });
    let deadlocks = "(SELECT deadlocks FROM pg_stat_database WHERE datname = current_database())";
    assert_eq!(diesel::select(sql::<BigInt>(deadlocks)).get_result(&mut session), Ok(0_i64));
}
