//! A database that lets the service read, but not write, for a while: refusals in time, and no entry lost.

use std::time::Duration;

use diesel::connection::SimpleConnection;

use crate::connection::{get, sheet};
use crate::load_generator::LoadGenerator;
use crate::load_lock;
use crate::support::{Cluster, Process};

const LIMIT: Duration = Duration::from_secs(3);

/// Forbids the service under load to write, and allows it again. The log then has `cause`.
fn assert_nothing_is_lost(forbid: &[&str], allow: &[&str], cause: &str) {
    let _load = load_lock::acquire();
    let cluster = Cluster::start();
    let mut administrator = cluster.session();
    administrator
        .batch_execute("CREATE ROLE service LOGIN; GRANT CREATE ON SCHEMA public TO service")
        .unwrap();
    let settings =
        [("DATABASE_USER", "service".to_owned()), ("DATABASE_TIMEOUT_SECONDS", "1".to_owned())];
    let service = Process::serve(&[&cluster.environment()[..], &settings].concat());
    let load = LoadGenerator::start(8, service.address());
    load.wait_until_acknowledged(100);

    // One by one, because ALTER SYSTEM refuses to be part of a transaction.
    for statement in forbid {
        administrator.batch_execute(statement).unwrap();
    }
    load.wait_until_refused(100);
    let line = service.wait_for_line("the store cannot be written to");
    assert!(line["error"].as_str().unwrap().contains(cause), "{line}");
    // What is stored can still be read.
    assert!(sheet(service.address(), "today").len() >= 50);
    assert_eq!(get(service.address(), "/readyz").status, 200);

    for statement in allow {
        administrator.batch_execute(statement).unwrap();
    }
    load.wait_until_acknowledged(100);
    load.stop().assert_nothing_lost_in_an_outage(service.address(), LIMIT);
}

#[test]
fn a_database_that_is_read_only_for_a_while_loses_nothing() {
    assert_nothing_is_lost(
        &["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"],
        &["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"],
        "read-only transaction",
    );
}

#[test]
fn a_role_that_may_not_write_for_a_while_loses_nothing() {
    assert_nothing_is_lost(
        &["REVOKE INSERT ON attendance FROM service"],
        &["GRANT INSERT ON attendance TO service"],
        "permission denied",
    );
}
