//! Shutdown: requests in flight are answered, and queued entries are recorded first.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::connection::{Connection, sheet};
use crate::large_sheet;
use crate::load_generator::LoadGenerator;
use crate::load_lock;
use crate::pending_creates::PendingCreates;
use crate::request_log::RequestLog;
use crate::store_lock::StoreLock;
use crate::support::process::command;
use crate::support::{Cluster, Fresh, Process, StoreKind, on_both_stores};

/// How long idle connections stay open, in seconds.
const DRAIN_TIME: u64 = 2;

/// The limit for a shutdown, in seconds: the timeout of a request, the time of idle connections, the
/// grace period, which is one second longer than the timeout, and three seconds to close the
/// connections and end the process.
fn limit(timeout: u64) -> Duration {
    Duration::from_secs(timeout + DRAIN_TIME + (timeout + 1) + 3)
}

/// Sends SIGTERM to a service under load. Returns what was sent.
fn assert_answers_requests_in_flight(
    store: &Fresh,
    start: fn(usize, SocketAddr) -> LoadGenerator,
) -> RequestLog {
    let mut environment = store.environment();
    environment.push(("DATABASE_TIMEOUT_SECONDS", "2".into()));
    let mut service = Process::serve(&environment);
    let load = start(8, service.address());
    load.wait_until_acknowledged(300);
    service.signal("TERM");
    let ended = service.wait(limit(2));
    assert!(ended.success(), "{ended}: {:#?}", service.log().last());

    let log = load.stop();
    assert_eq!(log.refused().count(), 0);
    let again = Process::serve(&environment);
    let stored = log.stored(again.address());
    // A connection that waits to be accepted ends with the service. Its request has no byte of an
    // answer, and its entry was not recorded.
    for (sent, broken) in log.unanswered() {
        assert_eq!(String::from_utf8_lossy(&broken.received), "");
        assert_eq!(stored.get(&sent.entry_id), None);
    }
    assert_eq!(stored.len(), log.acknowledged().count());
    log.assert_acknowledged_are_stored(again.address());
    log
}

on_both_stores! {
    fn every_request_on_a_kept_connection_is_answered_and_stored(store: StoreKind) {
        let _load = load_lock::acquire();
        let store = Fresh::migrated(store);
        let log = assert_answers_requests_in_flight(&store, LoadGenerator::start);
        assert_eq!(log.unanswered().count(), 0);
    }

    fn an_idle_connection_has_one_more_request_answered(store: StoreKind) {
        let store = Fresh::migrated(store);
        let mut service = Process::serve(&store.environment());
        let mut gate = Connection::open(service.address()).unwrap();
        let mut probe = Connection::open(service.address()).unwrap();
        let entry = || json!({"firstname": "Juan", "lastname": "dela Cruz"}).to_string();
        for connection in [&mut gate, &mut probe] {
            let answer = connection.post(&entry()).unwrap();
            assert_eq!((answer.status, answer.header("connection")), (201, None));
        }

        service.signal("TERM");
        service.wait_for_line("stopping");
        assert!(Connection::open(service.address()).is_err());
        let answer = gate.post(&entry()).unwrap();
        assert_eq!((answer.status, answer.header("connection")), (201, Some("close")));
        let answer = probe.get("/readyz").unwrap();
        assert_eq!(answer.header("connection"), Some("close"));
        answer.problem(503, "not_ready");
        assert!(gate.post(&entry()).is_err());
        let ended = service.wait(limit(5));
        assert!(ended.success(), "{ended}: {:#?}", service.log());
        assert_eq!(sheet(Process::serve(&store.environment()).address(), "today").len(), 3);
    }

    fn a_sheet_that_is_being_sent_at_sigterm_is_sent_to_the_end(store: StoreKind) {
        let store = Fresh::migrated(store);
        large_sheet::insert(&store);
        let mut service = Process::serve(&store.environment());
        let mut slow = Connection::open(service.address()).unwrap();
        slow.begin_get(large_sheet::PATH).unwrap();
        service.signal("TERM");
        service.wait_for_line("stopping");
        let sheet = slow.finish_get().unwrap();
        assert_eq!(sheet.json().as_array().unwrap().len(), large_sheet::COUNT);
        let ended = service.wait(limit(5));
        assert!(ended.success(), "{ended}");
    }

    fn sigint_ends_an_idle_service_with_exit_status_0(store: StoreKind) {
        let store = Fresh::migrated(store);
        let mut service = Process::serve(&store.environment());
        service.signal("INT");
        let ended = service.wait(limit(5));
        assert!(ended.success(), "{ended}: {:#?}", service.log());
        assert!(service.log().last().unwrap().contains("stopped"), "{:?}", service.log());
    }
}

/// A shutdown that begins while a connection is being accepted must not count as a failure. A
/// process meets that moment only now and then, so there are several.
#[test]
fn requests_are_answered_and_stored_at_sigterm_while_connections_are_being_opened() {
    let _load = load_lock::acquire();
    let stores = [(); 6].map(|()| Fresh::migrated(StoreKind::Embedded));
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| {
                assert_answers_requests_in_flight(store, LoadGenerator::start_without_keep_alive);
            });
        }
    });
}

#[test]
fn entries_queued_at_sigterm_are_recorded_and_answered() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let mut service = Process::serve(&store.environment());
    let mut lock = StoreLock::take(&store);
    let mut pending = PendingCreates::to(service.address());
    let entry =
        |number: u64| json!({"firstname": format!("Number {number}"), "lastname": "Visitor"});
    pending.post(entry(0));
    lock.wait_until_blocked(1);
    (1..=6).for_each(|number| pending.post(entry(number)));
    pending.wait_until_queued(6);

    service.signal("TERM");
    service.wait_for_line("stopping");
    drop(lock);
    let answers = pending.answers();
    assert_eq!(service.wait(limit(5)).code(), Some(0));

    let again = Process::serve(&store.environment());
    let stored = sheet(again.address(), "today");
    assert_eq!(stored.len(), answers.len());
    for answer in answers {
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(stored.contains(&answer.json()));
    }
}

/// A database that hangs must neither keep the process alive nor leave requests without an answer.
#[test]
fn a_service_whose_database_hangs_ends_in_time() {
    let _load = load_lock::acquire();
    let cluster = Cluster::start();
    let mut environment = cluster.environment();
    environment.push(("DATABASE_TIMEOUT_SECONDS", "2".into()));
    let mut service = Process::serve(&environment);
    let load = LoadGenerator::start(8, service.address());
    load.wait_until_acknowledged(100);
    cluster.pause();
    let mut reader = Connection::open(service.address()).unwrap();
    reader.get("/table/view/date:today").unwrap().problem(503, "store_unavailable");
    service.signal("TERM");
    let ended = service.wait(limit(2));
    assert!(ended.success(), "{ended}: {:#?}", service.log());
    cluster.resume();

    let log = load.stop();
    log.assert_refused_within(Duration::from_secs(3));
    let again = Process::serve(&environment);
    log.assert_acknowledged_are_stored(again.address());
    log.assert_retries_store_each_once(again.address());
}

/// An address at which no database listens.
fn no_database() -> Vec<(&'static str, String)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    vec![
        ("DATABASE_HOSTNAME", "127.0.0.1".into()),
        ("DATABASE_PORT", port.to_string()),
        ("ROLLCALL_MIGRATE_ON_START", "true".into()),
    ]
}

/// Sends a signal to a command once its output says that it waits. Returns its exit status.
fn signal_while_waiting(arguments: &[&str], signal: &str) -> Option<i32> {
    let mut child = command(arguments, &no_database()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("waiting up to"), "{line}");
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    child.wait().unwrap().code()
}

#[test]
fn a_service_that_waits_for_its_database_ends_with_exit_status_0() {
    assert_eq!(signal_while_waiting(&["serve"], "TERM"), Some(0));
    assert_eq!(signal_while_waiting(&["serve"], "INT"), Some(0));
}

/// They need a signal handler: without one, the first process of a container ignores the signal.
#[test]
fn commands_that_wait_end_with_the_status_of_the_signal() {
    for command in ["migrate", "wait-for-schema"] {
        assert_eq!(signal_while_waiting(&[command], "TERM"), Some(128 + 15), "{command}");
        assert_eq!(signal_while_waiting(&[command], "INT"), Some(128 + 2), "{command}");
    }
}
