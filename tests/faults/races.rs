//! Two replicas, two processes, on one store: retries of one entry reach both at the same time.

use std::sync::Barrier;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::connection::{Connection, sheet};
use crate::patience;
use crate::store_lock::StoreLock;
use crate::support::{Answer, Fresh, Process, StoreKind, on_both_stores};
use crate::waiting::Waiting;

const MOMENT: &str = "2026-03-02T00:15:00Z";
const DAY: &str = "20260302";

fn entry(gate: &str) -> Value {
    json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": gate,
           "entry_id": Uuid::now_v7(), "occurred_at": MOMENT})
}

/// Sends both of each pair at the same moment, one to each service, and returns both answers.
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

/// Runs several races at once, so that each service has batches of what is raced for.
fn races(store: &Fresh, pair: impl Fn() -> [Value; 2]) -> (Vec<[Answer; 2]>, Vec<Value>) {
    let services = [(); 2].map(|()| Process::serve(&store.environment()));
    let answers = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..6)
            .map(|_| {
                let pairs: Vec<_> = (0..40).map(|_| pair()).collect();
                let [one, other] = &services;
                scope.spawn(move || race([one, other], &pairs))
            })
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    (answers, sheet(services[0].address(), DAY))
}

on_both_stores! {
    fn of_one_entry_at_two_services_one_is_created_and_the_other_replayed(store: StoreKind) {
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

    fn of_two_contents_under_one_id_at_two_services_one_is_refused(store: StoreKind) {
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

/// Both services are given the same entries in opposite order while neither can record, so that
/// each has them in one batch when the table is let go.
#[test]
fn batches_with_the_same_entries_in_opposite_order_do_not_block_each_other() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let mut services = [(); 2].map(|()| Process::serve(&store.environment()));
    const ROUNDS: usize = 5;
    const ENTRIES: usize = 30;
    for _ in 0..ROUNDS {
        let entries: Vec<_> = (0..ENTRIES).map(|_| entry("A")).collect();
        let mut lock = StoreLock::take(&store);
        let mut waiting = services.each_ref().map(|service| Waiting::at(service.address()));
        for waiting in &mut waiting {
            waiting.post(entry("first"));
        }
        lock.wait_until_met(2);
        for (one, other) in entries.iter().zip(entries.iter().rev()) {
            waiting[0].post(one.clone());
            waiting[1].post(other.clone());
        }
        for waiting in &waiting {
            waiting.wait_until_queued(ENTRIES as u64);
        }
        drop(lock);
        let answers: Vec<_> = waiting.into_iter().flat_map(Waiting::answers).collect();
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(200)), (ENTRIES + 2, ENTRIES), "{answers:?}");
    }
    assert_eq!(sheet(services[0].address(), DAY).len(), ROUNDS * (ENTRIES + 2));

    // A session tells its statistics when it ends, and the service would try a batch that was
    // broken off row by row, so that no client would notice.
    services.iter_mut().for_each(Process::kill);
    let mut session = store.postgres();
    patience::until("the services' sessions have ended", || {
        let others = "(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())";
        diesel::select(sql::<BigInt>(others)).get_result::<i64>(&mut session).unwrap() == 1
    });
    let deadlocks = "(SELECT deadlocks FROM pg_stat_database WHERE datname = current_database())";
    assert_eq!(diesel::select(sql::<BigInt>(deadlocks)).get_result(&mut session), Ok(0_i64));
}
