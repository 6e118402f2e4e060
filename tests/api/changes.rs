//! `GET /table/changes`: everything that happened, in order, and nothing skipped.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use chrono::Utc;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Text};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, StoreKind, TestApp, on_both_stores, wait_until};

fn post(app: &TestApp) -> Value {
    let answer = app.post(json!({"firstname": "Arvin", "lastname": "Cudanin"}));
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn changes(app: &TestApp, query: &str) -> Value {
    let answer = app.get(&format!("/table/changes?{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn numbers(page: &Value) -> Vec<i64> {
    let changes = page["changes"].as_array().unwrap().iter();
    changes.map(|change| change["change"].as_i64().unwrap()).collect()
}

on_both_stores! {
    fn every_kind_of_change_is_told_in_order(store: StoreKind) {
        let app = TestApp::start(store);
        assert_eq!(changes(&app, ""), json!({"changes": [], "next": 0}));
        app.set_now("2019-06-24T01:12:21.123456Z");
        let (one, two) = (post(&app), post(&app));
        app.set_now("2019-06-24T02:00:00Z");
        amend(&app, &one, "void", json!({"reason": "twice"}));
        let corrected = amend(&app, &two, "correct", json!({"reason": "gate", "gate": "B"}));
        let at = "2019-06-24T02:00:00.000000Z";
        let all = json!([
            {"change": 1, "kind": "created", "at": one["received_at"], "entry": one},
            {"change": 2, "kind": "created", "at": two["received_at"], "entry": two},
            {"change": 3, "kind": "voided", "at": at, "entry_id": one["entry_id"], "reason": "twice", "by": null},
            {"change": 4, "kind": "created", "at": at, "entry": corrected},
            {"change": 5, "kind": "replaced", "at": at, "entry_id": two["entry_id"],
                "replacement": corrected["entry_id"], "reason": "gate", "by": null},
        ]);
        assert_eq!(changes(&app, ""), json!({"changes": all, "next": 5}));
        assert_eq!(changes(&app, "after=5&wait="), json!({"changes": [], "next": 5}));
        // In portions of any size the same changes, each once.
        for limit in 1..=4 {
            let (mut after, mut told) = (0, Vec::new());
            while after < 5 {
                let page = changes(&app, &format!("after={after}&limit={limit}"));
                assert!(numbers(&page).len() <= limit && page["next"].as_i64().unwrap() > after);
                after = page["next"].as_i64().unwrap();
                told.extend(page["changes"].as_array().unwrap().clone());
            }
            assert_eq!(Value::from(told), all);
        }
    }

    fn a_reader_waits_until_there_is_something(store: StoreKind) {
        let app = TestApp::start(store);
        let first = post(&app);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| changes(&app, "after=1&wait=30"));
            let second = post(&app);
            assert_eq!(reader.join().unwrap()["changes"][0]["entry"], second);
        });
        assert_eq!(changes(&app, "after=0&wait=30&limit=1")["changes"][0]["entry"], first);
        let begun = Instant::now();
        assert_eq!(changes(&app, "after=2&wait=1"), json!({"changes": [], "next": 2}));
        assert!(begun.elapsed() >= Duration::from_secs(1));
        assert_eq!(app.request("HEAD", "/table/changes?after=2&wait=30", &[], "").status, 200);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    fn a_number_that_the_store_never_drew_is_lost(store: StoreKind) {
        let app = TestApp::start(store);
        post(&app);
        app.get("/table/changes?after=2").problem(409, "changes_lost");
        app.get("/table/changes?after=2&wait=30").problem(409, "changes_lost");
        for (query, field) in [("after=x", "after"), ("limit=0", "limit"), ("wait=31", "wait"), ("format=csv", "format")] {
            let problem = app.get(&format!("/table/changes?{query}")).problem(400, "invalid_query");
            assert_eq!(problem["errors"][0]["field"], field);
        }
    }

    fn at_most_256_readers_wait_and_a_stop_answers_them_at_once(store: StoreKind) {
        let app = TestApp::start(store);
        post(&app);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let waiting: Vec<_> =
                (0..256).map(|_| scope.spawn(|| app.get("/table/changes?after=1&wait=25"))).collect();
            wait_until("all of them wait", || gauge(&app, "rollcall_changes_waiting_readers") == 256);
            app.get("/table/changes?after=1&wait=1").problem(503, "busy");
            assert_eq!(numbers(&changes(&app, "after=1")), [0; 0], "without a wait");
            assert_eq!(numbers(&changes(&app, "after=0&wait=1")), [1], "nothing to wait for");
            app.stop();
            for reader in waiting {
                assert_eq!(reader.join().unwrap().json(), json!({"changes": [], "next": 1}));
            }
        });
        assert!(begun.elapsed() < Duration::from_secs(25), "nobody waited to the end");
    }

    fn a_reader_that_leaves_makes_room_for_another(store: StoreKind) {
        let app = TestApp::start(store);
        let mut reader = TcpStream::connect(app.address()).unwrap();
        reader.write_all(b"GET /table/changes?wait=30 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        wait_until("it waits", || gauge(&app, "rollcall_changes_waiting_readers") == 1);
        let left = Instant::now();
        drop(reader);
        wait_until("it is forgotten", || gauge(&app, "rollcall_changes_waiting_readers") == 0);
        assert!(left.elapsed() < Duration::from_secs(25), "not only when its wait is over");
    }

    fn a_sheet_tells_up_to_which_change_it_is_complete(store: StoreKind) {
        let app = TestApp::start(store);
        assert_eq!(change_of(&app.get("/table/view/date:today")), 0);
        let (first, second) = (post(&app), post(&app));
        assert_eq!(change_of(&app.get("/table/view/date:today")), 2);
        assert_eq!(change_of(&app.get("/table/view/date:20010101?gate=A&format=csv")), 2);
        assert_eq!(change_of(&app.request("HEAD", "/table/view/date:today", &[], "")), 2);
        assert_eq!(change_of(&app.get("/table/export?from=20260101&to=20260102")), 2);
        assert_eq!(change_of(&app.get("/table/people?from=20260101&to=20260102&format=csv")), 2);
        amend(&app, &first, "void", json!({"reason": "twice"}));
        assert_eq!(change_of(&app.get("/table/view/date:today")), 3);
        amend(&app, &second, "correct", json!({"reason": "gate", "gate": "B"}));
        assert_eq!(change_of(&app.get("/table/view/date:today")), 5);
    }
}

/// The value of a gauge in `/metrics`.
fn gauge(app: &TestApp, name: &str) -> i64 {
    let metrics = app.get("/metrics").body;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

/// The change up to which an answer is complete.
fn change_of(answer: &Answer) -> i64 {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("rollcall-change").unwrap().parse().unwrap()
}

fn amend(app: &TestApp, entry: &Value, verb: &str, body: Value) -> Value {
    let path = format!("/table/entry/{}/{verb}", entry["entry_id"].as_str().unwrap());
    let answer = app.request("POST", &path, &[], &body.to_string());
    assert!([200, 201].contains(&answer.status), "{answer:?}");
    answer.json()
}

/// The numbers of the changes above `after`, read with waits until `last` was told.
fn read_until(app: &TestApp, mut after: i64, last: i64) -> Vec<i64> {
    let mut told = Vec::new();
    while told.last().is_none_or(|told| *told < last) {
        let page = changes(app, &format!("after={after}&wait=25"));
        after = page["next"].as_i64().unwrap();
        told.extend(numbers(&page));
    }
    told
}

/// A transaction that has drawn a number and stays open, as that of a replica whose commit is late.
const DRAW: &str = "BEGIN; INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
     VALUES (gen_random_uuid(), now(), now(), 'Late', 'Commit')";

/// The transaction draws the number 2 and stays open. It ends with `end`, and is told if `end`
/// commits it.
fn assert_holds_up(app: &TestApp, late: &mut PgConnection, end: &str, is_told: bool) {
    // Changes above the open transaction are not told, but sheets show them.
    post(app);
    post(app);
    for _ in 0..3 {
        assert_eq!(numbers(&changes(app, "after=0")), [1]);
        let sheet = app.get("/table/view/date:today");
        assert_eq!(change_of(&sheet), 1);
        assert_eq!(sheet.json().as_array().unwrap().len(), 3);
    }
    assert_eq!(numbers(&changes(app, "after=1&wait=1")), [0; 0]);
    let before = Utc::now().timestamp();
    assert!((before - 60..=before).contains(&gauge(app, HELD_UP_SINCE)));
    assert_eq!(gauge(app, "rollcall_changes_behind"), 3);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_until(app, 1, 4));
        late.batch_execute(end).unwrap();
        let told = reader.join().unwrap();
        let expected = if is_told { &[2, 3, 4][..] } else { &[3, 4] };
        assert_eq!(told, expected);
    });
    assert_eq!(change_of(&app.get("/table/view/date:today")), 4);
    assert_eq!((gauge(app, HELD_UP_SINCE), gauge(app, "rollcall_changes_behind")), (0, 0));
}

const HELD_UP_SINCE: &str = "rollcall_changes_held_up_since_timestamp_seconds";

/// With a first entry, and a follower that has looked.
fn start_with_one() -> TestApp {
    let app = TestApp::start(StoreKind::Postgres);
    post(&app);
    assert_eq!(numbers(&changes(&app, "")), [1]);
    app
}

#[test]
fn a_transaction_that_is_left_idle_holds_up_what_is_above_it() {
    for (end, is_told) in [("COMMIT", true), ("ROLLBACK", false)] {
        let app = start_with_one();
        let mut late = app.store.postgres();
        late.batch_execute(DRAW).unwrap();
        assert_holds_up(&app, &mut late, end, is_told);
    }
}

#[test]
fn a_prepared_transaction_holds_up_what_is_above_it_whenever_it_was_prepared() {
    for is_prepared_first in [true, false] {
        let app = start_with_one();
        let mut late = app.store.postgres();
        late.batch_execute(DRAW).unwrap();
        // Unique in the server, which other tests use too.
        let name = Uuid::now_v7();
        if !is_prepared_first {
            post(&app);
            assert_eq!(numbers(&changes(&app, "after=1")), [0; 0]);
            late.batch_execute(&format!("PREPARE TRANSACTION '{name}'")).unwrap();
            assert_eq!(numbers(&changes(&app, "after=1&wait=1")), [0; 0]);
            late.batch_execute(&format!("COMMIT PREPARED '{name}'")).unwrap();
            wait_until("all are told", || numbers(&changes(&app, "after=1")) == [2, 3]);
            continue;
        }
        late.batch_execute(&format!("PREPARE TRANSACTION '{name}'")).unwrap();
        assert_holds_up(&app, &mut late, &format!("COMMIT PREPARED '{name}'"), true);
    }
}

/// Amendments draw from the same sequence, and take the lock of another table.
#[test]
fn a_late_amendment_holds_up_what_is_above_it() {
    let app = start_with_one();
    let mut late = app.store.postgres();
    let void = "BEGIN; INSERT INTO amendment (entry_id, number, reason, made_at) \
         SELECT entry_id, 1, 'late', now() FROM attendance";
    late.batch_execute(void).unwrap();
    assert_holds_up(&app, &mut late, "ROLLBACK", false);
}

/// A process that has never looked cannot know which numbers an open transaction has drawn.
#[test]
fn a_process_that_starts_later_does_not_skip_a_late_commit() {
    let app = TestApp::start(StoreKind::Postgres);
    let mut late = app.store.postgres();
    late.batch_execute(DRAW).unwrap();
    post(&app);
    assert_eq!(numbers(&changes(&app, "after=0")), [0; 0]);
    assert_eq!(change_of(&app.get("/table/view/date:today")), 0);
    late.batch_execute("COMMIT").unwrap();
    assert_eq!(numbers(&changes(&app, "after=0")), [1, 2]);
    assert_eq!(change_of(&app.get("/table/view/date:today")), 2);
}

/// A table that draws numbers must be one whose locks the follower looks at: see the conditions in
/// `store/postgres/changes.rs`. A cache of the sequence would be numbers that are drawn early.
#[test]
fn the_follower_looks_at_every_table_that_draws_numbers() {
    let app = TestApp::start(StoreKind::Postgres);
    let drawing = "ARRAY(SELECT attrelid::regclass::text FROM pg_attribute \
         WHERE (attrelid = 'attendance'::regclass AND attidentity = 'a' OR pg_get_expr((SELECT adbin FROM pg_attrdef \
         WHERE adrelid = attrelid AND adnum = attnum), attrelid) LIKE '%attendance_id_seq%') ORDER BY 1)";
    let drawing: Vec<String> =
        diesel::select(sql::<Array<Text>>(drawing)).get_result(&mut app.store.postgres()).unwrap();
    assert_eq!(drawing, ["amendment", "attendance", "erasure"]);
    let cache = "(SELECT seqcache FROM pg_sequence WHERE seqrelid = 'attendance_id_seq'::regclass)";
    let cache = diesel::select(sql::<BigInt>(cache)).get_result(&mut app.store.postgres());
    assert_eq!(cache, Ok(1_i64));
}

/// Transactions that read, or write to other tables, hold nothing up.
#[test]
fn other_transactions_hold_nothing_up() {
    let app = start_with_one();
    let (mut reads, mut writes) = (app.store.postgres(), app.store.postgres());
    reads.batch_execute("BEGIN; SELECT * FROM attendance, amendment FOR UPDATE").unwrap();
    let other = "CREATE TABLE other (); BEGIN; INSERT INTO other DEFAULT VALUES";
    writes.batch_execute(other).unwrap();
    post(&app);
    assert_eq!(numbers(&changes(&app, "after=1")), [2]);
    assert_eq!(change_of(&app.get("/table/view/date:today")), 2);
}

/// The lock alone is not enough. A number that its holder draws later is higher than all visible ones.
#[test]
fn a_transaction_that_has_only_locked_the_tables_holds_nothing_up_until_it_writes() {
    for end in ["COMMIT", "ROLLBACK"] {
        let app = start_with_one();
        let mut holder = app.store.postgres();
        let lock = "BEGIN; LOCK TABLE attendance, amendment, erasure IN ROW EXCLUSIVE MODE";
        holder.batch_execute(lock).unwrap();
        post(&app);
        assert_eq!(numbers(&changes(&app, "after=1")), [2]);
        assert_eq!(change_of(&app.get("/table/view/date:today")), 2);
        assert_eq!(gauge(&app, HELD_UP_SINCE), 0);
        // An error ends the statement, and the lock of before the savepoint stays.
        holder.batch_execute("SAVEPOINT here").unwrap();
        holder.batch_execute("SELECT 1 / 0").unwrap_err();
        post(&app);
        assert_eq!(numbers(&changes(&app, "after=2")), [3]);
        holder.batch_execute(&DRAW.replace("BEGIN", "ROLLBACK TO here")).unwrap();
        post(&app);
        assert_eq!(numbers(&changes(&app, "after=3")), [0; 0]);
        assert_eq!(change_of(&app.get("/table/view/date:today")), 3);
        holder.batch_execute(end).unwrap();
        let expected = if end == "COMMIT" { &[4, 5][..] } else { &[5] };
        assert_eq!(numbers(&changes(&app, "after=3")), expected);
    }
}

/// A statement that is running may have drawn a number and not have stored its row yet.
#[test]
fn a_statement_that_holds_the_lock_and_is_running_holds_changes_up() {
    let app = start_with_one();
    let (mut gate, mut late) = (app.store.postgres(), app.store.postgres());
    gate.batch_execute("SELECT pg_advisory_lock(1)").unwrap();
    // It draws the number 2 and then waits, before its transaction has an id.
    let insert = "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
         VALUES (gen_random_uuid(), now(), now(), 'Late' || pg_advisory_lock(1)::text, 'Commit')";
    std::thread::scope(|scope| {
        let inserting = scope.spawn(|| late.batch_execute(insert));
        let waits = "EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database \
             WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted)";
        wait_until("the statement waits", || {
            diesel::select(sql::<Bool>(waits)).get_result(&mut app.store.postgres()).unwrap()
        });
        post(&app);
        assert_eq!(numbers(&changes(&app, "after=1")), [0; 0]);
        gate.batch_execute("SELECT pg_advisory_unlock(1)").unwrap();
        inserting.join().unwrap().unwrap();
    });
    let told = changes(&app, "after=1");
    assert_eq!(numbers(&told), [2, 3]);
    assert_eq!(told["changes"][0]["entry"]["lastname"], "Late");
}

/// Numbers and names of transactions are those of one server, so that nothing counts after the
/// connection broke.
#[test]
fn after_a_reconnect_everything_is_told_again_and_nothing_skipped() {
    let app = start_with_one();
    let mut late = app.store.postgres();
    late.batch_execute(DRAW).unwrap();
    post(&app);
    assert_eq!(numbers(&changes(&app, "after=1")), [0; 0]);
    late.batch_execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'rollcall'",
    )
    .unwrap();
    assert_eq!(numbers(&changes(&app, "after=1")), [0; 0]);
    late.batch_execute("COMMIT").unwrap();
    assert_eq!(numbers(&changes(&app, "after=0")), [1, 2, 3]);
}

/// What one of many transactions does before it ends.
const WORK: [&str; 4] = ["SELECT", "SELECT pg_sleep(0.004)", "SELECT pg_sleep(0.011)", "PREPARE"];

#[test]
fn many_transactions_that_commit_out_of_order_are_told_in_order_and_sheets_contain_them() {
    let app = TestApp::start(StoreKind::Postgres);
    let (writers, rounds) = (6, 30);
    std::thread::scope(|scope| {
        let write = |writer: usize| {
            let mut connection = app.store.postgres();
            for round in 0..rounds {
                connection.batch_execute(DRAW).unwrap();
                let is_kept = !(writer + round).is_multiple_of(5);
                let end = if is_kept { "COMMIT" } else { "ROLLBACK" };
                match WORK[(writer * 7 + round * 3) % WORK.len()] {
                    "PREPARE" => {
                        let name = Uuid::now_v7();
                        connection.batch_execute(&format!("PREPARE TRANSACTION '{name}'")).unwrap();
                        connection.batch_execute(&format!("{end} PREPARED '{name}'")).unwrap();
                    }
                    work => connection.batch_execute(&format!("{work}; {end}")).unwrap(),
                }
            }
        };
        let writing: Vec<_> =
            (0..writers).map(|writer| scope.spawn(move || write(writer))).collect();
        let (mut after, mut told, mut sheets) = (0, Vec::new(), Vec::new());
        loop {
            let done = writing.iter().all(|writer| writer.is_finished());
            let page = changes(&app, &format!("after={after}&limit=7"));
            told.extend(numbers(&page));
            after = page["next"].as_i64().unwrap();
            let sheet = app.get("/table/view/date:today");
            sheets.push((change_of(&sheet), ids(&sheet)));
            if done && numbers(&page).is_empty() {
                break;
            }
        }
        let (change, stored) = sheets.last().unwrap();
        assert_eq!(told, *stored);
        assert_eq!(Some(change), stored.last());
        assert_eq!(stored.len(), writers * rounds - writers * rounds / 5);
        for (change, sheet) in &sheets {
            let settled = stored.iter().filter(|id| *id <= change);
            assert!(settled.eq(sheet.iter().filter(|id| *id <= change)), "{change}: {sheet:?}");
        }
    });
}

fn ids(sheet: &Answer) -> Vec<i64> {
    let entries = sheet.json();
    entries.as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap()).collect()
}
