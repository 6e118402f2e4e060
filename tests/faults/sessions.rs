//! The database ends single sessions, as a fail-over, a proxy or an operator does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::json;

use crate::connection::{get, post, sheet};
use crate::gates::Gates;
use crate::ledger::assert_unavailable;
use crate::patience;
use crate::support::{Fresh, Process, StoreKind};
use crate::turn;

const OURS: &str = "FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'rollcall'";

fn count(session: &mut PgConnection, expression: &str) -> i64 {
    diesel::select(sql::<BigInt>(&format!("(SELECT {expression} {OURS})")))
        .get_result(session)
        .unwrap()
}

/// Ends all of the service's sessions, waits until they are gone, and returns how many there were.
fn terminate(session: &mut PgConnection) -> i64 {
    // Waits for each of them, in milliseconds.
    count(session, "count(*) FILTER (WHERE pg_terminate_backend(pid, 10000))")
}

#[test]
fn sessions_that_are_ended_under_load_lose_and_double_nothing() {
    let _turn = turn::take();
    let store = Fresh::migrated(StoreKind::Postgres);
    let service = Process::serve(&store.environment());
    let gates = Gates::open(8, service.address());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let answer = get(service.address(), "/table/view/date:today");
                match answer.status {
                    200 => assert!(answer.json().is_array()),
                    _ => assert_unavailable(&answer),
                }
            }
        });
        let mut session = store.postgres();
        for round in 0..10 {
            gates.wait_until_acknowledged(50 + round * 7 % 20);
            assert!(terminate(&mut session) > 0);
        }
        gates.wait_until_acknowledged(50);
        over.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    let ledger = gates.close();
    assert_eq!(ledger.unanswered().count(), 0);
    ledger.assert_refused_within(Duration::from_secs(6));
    ledger.assert_kept(service.address());
    ledger.assert_each_once_after_sending_again(service.address());
}

#[test]
fn sessions_that_died_while_idle_are_replaced_without_a_word() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let service = Process::serve(&store.environment());
    let address = service.address();
    let (mut holder, mut session) = (store.postgres(), store.postgres());
    for round in 1..=3 {
        // Only reads that wait for each other make the pool open more than one connection.
        holder.batch_execute("BEGIN; LOCK TABLE attendance").unwrap();
        std::thread::scope(|scope| {
            let sheets = [(); 4].map(|()| scope.spawn(move || sheet(address, "today")));
            patience::until("the sheets wait for the table", || {
                count(&mut session, "count(*) FILTER (WHERE wait_event_type = 'Lock')") == 4
            });
            holder.batch_execute("COMMIT").unwrap();
            for sheet in sheets {
                sheet.join().unwrap();
            }
        });
        assert!(terminate(&mut session) >= 4);
        assert_eq!(sheet(address, "today").len(), round - 1);
        terminate(&mut session);
        let answer = post(address, &json!({"firstname": "Arvin", "lastname": "Cudanin"}));
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}
