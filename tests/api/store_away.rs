//! A store that does not answer or refuses: errors in time, and nothing recorded in part.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, wait_until};

/// A service with a short timeout and one connection for reads.
fn start(store: Fresh) -> TestApp {
    TestApp::with(
        store,
        Options { timeout: Duration::from_secs(1), pool_size: 1, ..Options::default() },
    )
}

/// The statement waits for a locked table, and the client gets its answer in time.
#[test]
fn a_create_that_times_out_is_503_and_safe_to_retry() {
    let app = start(Fresh::migrated(StoreKind::Postgres));
    let mut session = app.store.postgres();
    session.batch_execute("BEGIN; LOCK TABLE attendance IN ACCESS EXCLUSIVE MODE").unwrap();
    let started = Instant::now();
    let answer = app.post(json!({"firstname": "a", "lastname": "b"}));
    let problem = answer.problem(503, "store_unavailable");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_retry_after(&answer);
    assert!(problem["detail"].as_str().unwrap().contains("same entry_id"));

    // A client that sent no entry_id gets one, so that its retry cannot record the entry twice.
    session.batch_execute("ROLLBACK").unwrap();
    let again = json!({"firstname": "a", "lastname": "b", "entry_id": problem["entry_id"]});
    assert!([200, 201].contains(&app.post(again).status));
    assert_eq!(app.sheet("today").len(), 1);
}

#[test]
fn a_sheet_that_times_out_is_503() {
    let app = start(Fresh::migrated(StoreKind::Postgres));
    let mut session = app.store.postgres();
    session.batch_execute("BEGIN; LOCK TABLE attendance IN ACCESS EXCLUSIVE MODE").unwrap();
    let started = Instant::now();
    let answer = app.get("/table/view/date:today");
    answer.problem(503, "store_unavailable");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_retry_after(&answer);
    assert_eq!(app.get("/livez").status, 200);
    session.batch_execute("ROLLBACK").unwrap();
    assert_eq!(app.sheet("today").len(), 0);
}

/// Another process holds the file's write lock: a create times out, and reads still work.
#[test]
fn a_locked_file_is_503_for_creates_and_can_be_read() {
    let app = start(Fresh::migrated(StoreKind::Embedded));
    let lock = lock_file(&app);
    let started = Instant::now();
    let answer = app.post(json!({"firstname": "a", "lastname": "b"}));
    answer.problem(503, "store_unavailable");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_retry_after(&answer);
    assert_eq!(app.sheet("today").len(), 0);
    drop(lock);
    assert_eq!(app.post(json!({"firstname": "a", "lastname": "b"})).status, 201);
}

fn lock_file(app: &TestApp) -> diesel::SqliteConnection {
    use diesel::Connection;
    let mut connection =
        diesel::SqliteConnection::establish(app.store.file().to_str().unwrap()).unwrap();
    connection.batch_execute("BEGIN EXCLUSIVE").unwrap();
    connection
}

/// A row that the database rejects, though it takes others, is a defect. The client sees none of the
/// database's text.
#[test]
fn an_entry_that_the_database_rejects_is_500_internal() {
    let app = TestApp::start(StoreKind::Embedded);
    app.store.sql(
        "CREATE TRIGGER no BEFORE INSERT ON attendance WHEN NEW.lastname = 'b' \
         BEGIN SELECT RAISE(ABORT, 'secret words'); END",
    );
    let answer = app.post(json!({"firstname": "a", "lastname": "b"}));
    answer.problem(500, "internal");
    assert!(!answer.body.contains("secret"));
    app.store.sql("DROP TRIGGER no");
    assert_eq!(app.post(json!({"firstname": "a", "lastname": "b"})).status, 201);
}

/// Defaults that an operator has set for other programs do not affect the service.
#[test]
fn the_databases_defaults_do_not_change_the_answers() {
    let store = Fresh::migrated(StoreKind::Postgres);
    store.sql(
        "DO $$ BEGIN \
         EXECUTE format('ALTER DATABASE %I SET lock_timeout = 100', current_database()); \
         EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); \
         END $$",
    );
    let app = start(store);
    let mut session = app.store.postgres();
    session.batch_execute("BEGIN; LOCK TABLE attendance IN ACCESS EXCLUSIVE MODE").unwrap();
    app.post(json!({"firstname": "a", "lastname": "b"})).problem(503, "store_unavailable");
    app.get("/table/view/date:today").problem(503, "store_unavailable");
    session.batch_execute("ROLLBACK").unwrap();
    let entry = json!({"firstname": "a", "lastname": "b", "entry_id": "95844c14-bc2f-4249-8dc5-bd17377c5215"});
    // Another session's insert of the same entry is committed while the service's insert waits.
    session
        .batch_execute(
            "BEGIN; INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
             VALUES ('95844c14-bc2f-4249-8dc5-bd17377c5215', now(), now(), 'b', 'a')",
        )
        .unwrap();
    let answer = std::thread::scope(|scope| {
        let post = scope.spawn(|| app.post(&entry));
        wait_until("the service's insert waits for a lock", || insert_waits(&app));
        session.batch_execute("COMMIT").unwrap();
        post.join().unwrap()
    });
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    assert_eq!(app.sheet("today"), [answer.json()]);
}

/// Asserts that the answer says when to retry, in seconds.
#[track_caller]
fn assert_retry_after(answer: &Answer) {
    let seconds = answer.header("retry-after").and_then(|value| value.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "{answer:?}");
}

/// Whether one of the service's sessions waits for a lock.
fn insert_waits(app: &TestApp) -> bool {
    use diesel::prelude::*;
    use diesel::sql_types::Bool;
    diesel::select(diesel::dsl::sql::<Bool>(
        "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'rollcall' AND wait_event_type = 'Lock')",
    ))
    .get_result(&mut app.store.postgres())
    .unwrap()
}
