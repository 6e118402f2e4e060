//! The database terminates single sessions, as a failover, a proxy or an operator does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::json;

use crate::connection::{get, post, sheet};
use crate::load_generator::LoadGenerator;
use crate::load_lock;
use crate::request_log::assert_unavailable;
use crate::support::{Fresh, Process, StoreKind, wait_until};

/// The service's sessions.
const SESSIONS: &str = "FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'rollcall'";

fn count(session: &mut PgConnection, expression: &str) -> i64 {
    diesel::select(sql::<BigInt>(&format!("(SELECT {expression} {SESSIONS})")))
        .get_result(session)
        .unwrap()
}

/// Terminates all of the service's sessions, waits until they are gone, and returns their number.
fn terminate(session: &mut PgConnection) -> i64 {
    // The second argument is the time to wait for the session's end, in milliseconds.
    count(session, "count(*) FILTER (WHERE pg_terminate_backend(pid, 10000))")
}

#[test]
fn no_entry_is_lost_or_doubled_when_sessions_are_terminated_under_load() {
    let _load = load_lock::acquire();
    let store = Fresh::migrated(StoreKind::Postgres);
    let service = Process::serve(&store.environment());
    let load = LoadGenerator::start(8, service.address());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let answer = get(service.address(), "/table/view/date:today");
                match answer.status {
                    200 => assert!(answer.json().is_array()),
                    _ => assert_unavailable(&answer),
                }
            }
        });
        let mut session = store.postgres();
        for round in 0..10 {
            load.wait_until_acknowledged(50 + round * 7 % 20);
            assert!(terminate(&mut session) > 0);
        }
        load.wait_until_acknowledged(50);
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    let log = load.stop();
    assert_eq!(log.unanswered().count(), 0);
    log.assert_refused_within(Duration::from_secs(6));
    log.assert_acknowledged_are_stored(service.address());
    log.assert_retries_store_each_once(service.address());
}

#[test]
fn sessions_that_were_terminated_while_idle_are_replaced_without_an_error() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let service = Process::serve(&store.environment());
    let address = service.address();
    let (mut holder, mut session) = (store.postgres(), store.postgres());
    for round in 1..=3 {
        // The pool opens more connections only for reads that run in parallel. Reads of one sheet may
        // be combined, so these are different ones.
        const DAYS: [&str; 4] = ["today", "20260301", "20260302", "20260303"];
        holder.batch_execute("BEGIN; LOCK TABLE attendance").unwrap();
        std::thread::scope(|scope| {
            let sheets = DAYS.map(|day| scope.spawn(move || sheet(address, day)));
            wait_until("the sheets wait for the table", || {
                // The follower of the changes waits too.
                let sheets = "wait_event_type = 'Lock' AND query NOT LIKE '%pg_locks%'";
                count(&mut session, &format!("count(*) FILTER (WHERE {sheets})")) == 4
            });
            holder.batch_execute("COMMIT").unwrap();
            for sheet in sheets {
                sheet.join().unwrap();
            }
        });
        assert!(terminate(&mut session) >= 4);
        assert_eq!(sheet(address, "today").len(), round - 1);
        assert!(terminate(&mut session) > 0);
        let answer = post(address, &json!({"firstname": "Arvin", "lastname": "Cudanin"}));
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}
