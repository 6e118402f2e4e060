//! The service is asked to end: everything that it has taken on is finished first.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::connection::{Connection, sheet};
use crate::gates::Gates;
use crate::store_lock::StoreLock;
use crate::support::process::command;
use crate::support::{Cluster, Fresh, Process, StoreKind, on_both_stores};
use crate::turn;
use crate::waiting::Waiting;

/// The time-out of a request, the grace for those in flight, which is a second longer, and what
/// may pass until the last connection is closed.
fn limit(timeout: u64) -> Duration {
    Duration::from_secs(timeout + (timeout + 1) + 3)
}

/// So many entries with long names that their sheet does not fit into a connection's buffers.
const MANY: usize = 40_000;

fn fill(store: &Fresh) {
    store.sql(&match store {
        Fresh::Postgres(_) => format!(
            "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
             SELECT gen_random_uuid(), '2026-03-02T00:15:00Z', now(), repeat('ж', 100), \
             repeat('я', 100) FROM generate_series(1, {MANY})"
        ),
        Fresh::Embedded(_) => format!(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT {MANY}) \
             INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
             SELECT printf('%08x-0000-4000-8000-000000000000', n), 1772410500000000, 0, \
             printf('%.100c', 'x'), printf('%.100c', 'y') FROM number"
        ),
    });
}

/// Sends SIGTERM to a service that the gates have kept busy for a while.
fn assert_finishes_what_it_accepted(store: &Fresh, open: fn(usize, SocketAddr) -> Gates) {
    let mut environment = store.environment();
    environment.push(("DATABASE_TIMEOUT_SECONDS", "2".into()));
    let mut service = Process::serve(&environment);
    let gates = open(8, service.address());
    gates.wait_until_acknowledged(300);
    service.signal("TERM");
    let ended = service.wait(limit(2));
    assert!(ended.success(), "{ended}: {:#?}", service.log().last());

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

on_both_stores! {
    fn all_that_was_accepted_before_sigterm_is_answered_and_stored(store: StoreKind) {
        let _turn = turn::take();
        let store = Fresh::migrated(store);
        assert_finishes_what_it_accepted(&store, Gates::open);
    }

    fn a_sheet_that_is_being_sent_when_sigterm_comes_is_sent_to_its_end(store: StoreKind) {
        let store = Fresh::migrated(store);
        fill(&store);
        let mut service = Process::serve(&store.environment());
        let mut slow = Connection::open(service.address()).unwrap();
        slow.begin_get("/table/view/date:20260302").unwrap();
        service.signal("TERM");
        service.wait_for_line("stopping: finishing what is in flight");
        let sheet = slow.finish_get().unwrap();
        assert_eq!(sheet.json().as_array().unwrap().len(), MANY);
        let ended = service.wait(limit(5));
        assert!(ended.success(), "{ended}");
    }

    fn sigint_ends_an_idle_service_with_success(store: StoreKind) {
        let store = Fresh::migrated(store);
        let mut service = Process::serve(&store.environment());
        service.signal("INT");
        let ended = service.wait(limit(5));
        assert!(ended.success(), "{ended}: {:#?}", service.log());
        assert!(service.log().last().unwrap().contains("stopped"), "{:?}", service.log());
    }
}

/// Rocket takes SIGTERM for a failure if it is told of it just while it accepts a connection. Each
/// process meets that moment only now and then, so there are several.
#[test]
fn all_is_answered_and_stored_when_sigterm_comes_amid_new_connections() {
    let _turn = turn::take();
    let stores = [(); 6].map(|()| Fresh::migrated(StoreKind::Embedded));
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| assert_finishes_what_it_accepted(store, Gates::open_without_keep_alive));
        }
    });
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

/// A database that is silent must not keep the process, nor what waits for it.
#[test]
fn a_service_whose_database_is_frozen_ends_in_time() {
    let _turn = turn::take();
    let cluster = Cluster::start();
    let mut environment = cluster.environment();
    environment.push(("DATABASE_TIMEOUT_SECONDS", "2".into()));
    let mut service = Process::serve(&environment);
    let gates = Gates::open(8, service.address());
    gates.wait_until_acknowledged(100);
    cluster.pause();
    let mut reader = Connection::open(service.address()).unwrap();
    reader.get("/table/view/date:today").unwrap().problem(503, "store_unavailable");
    service.signal("TERM");
    let ended = service.wait(limit(2));
    assert!(ended.success(), "{ended}: {:#?}", service.log());
    cluster.resume();

    let ledger = gates.close();
    ledger.assert_refused_within(Duration::from_secs(3));
    let again = Process::serve(&environment);
    ledger.assert_kept(again.address());
    ledger.assert_each_once_after_sending_again(again.address());
}

/// A database that does not come.
fn nowhere() -> Vec<(&'static str, String)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    vec![
        ("DATABASE_HOSTNAME", "127.0.0.1".into()),
        ("DATABASE_PORT", port.to_string()),
        ("ROLLCALL_MIGRATE_ON_START", "true".into()),
    ]
}

/// Sends a signal to a command as soon as it says that it waits; gives its exit status.
fn signal_while_waiting(arguments: &[&str], signal: &str) -> Option<i32> {
    let mut child = command(arguments, &nowhere()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("waiting up to"), "{said}");
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    child.wait().unwrap().code()
}

#[test]
fn a_service_that_still_waits_for_its_database_ends_with_success() {
    assert_eq!(signal_while_waiting(&["serve"], "TERM"), Some(0));
    assert_eq!(signal_while_waiting(&["serve"], "INT"), Some(0));
}

/// By a handler of its own: as the first process of a container it would not end at all without.
#[test]
fn commands_that_wait_end_at_a_signal() {
    for command in ["migrate", "wait-for-schema"] {
        assert_eq!(signal_while_waiting(&[command], "TERM"), Some(128 + 15), "{command}");
        assert_eq!(signal_while_waiting(&[command], "INT"), Some(128 + 2), "{command}");
    }
}
