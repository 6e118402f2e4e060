//! `rollcall copy`: an embedded store's entries go to PostgreSQL.

use std::io::{BufRead, BufReader};
use std::process::Output;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use serde_json::{Value, json};

use crate::connection::{Connection, get};
use crate::contents::contents;
use crate::support::process::{command, rollcall};
use crate::support::{Answer, Fresh, Process, StoreKind};

/// Entries with and without a gate, and with and without `occurred_at`. The order of their ids
/// differs from the order of their `entry_id`s.
const MANY: &str = "
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
    INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate)
    SELECT printf('%08x-0000-4000-8000-%012x', (n * 7919) % 100003, n), 1790000000000000 + n * 1000,
        1790000000000000 + n * 1000 + n % 2, 'Nguyễn', 'Thị ' || n,
        CASE WHEN n % 3 > 0 THEN 'Gate ' || (n % 3) END
    FROM n";

/// A checksum of all entries and their order.
const CHECKSUM: &str = "(SELECT md5(string_agg(concat_ws('|', entry_id, login, received_at, lastname, \
    firstname, coalesce(gate, '-')), ',' ORDER BY id)) FROM attendance)";

fn copy(source: &Fresh, target: &Fresh) -> Output {
    rollcall(&["copy", "--from-file", source.file().to_str().unwrap()], &target.environment())
}

fn count(target: &Fresh) -> i64 {
    let count = diesel::select(sql::<BigInt>("(SELECT count(*) FROM attendance)"));
    count.get_result(&mut target.postgres()).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn stores() -> (Fresh, Fresh) {
    (Fresh::migrated(StoreKind::Embedded), Fresh::migrated(StoreKind::Postgres))
}

#[test]
fn an_interrupted_copy_that_is_run_again_copies_every_entry_once_and_in_order() {
    let (source, target) = stores();
    source.sql(MANY);
    let file = source.file();
    let arguments = ["copy", "--from-file", file.to_str().unwrap()];
    let mut first = command(&arguments, &target.environment()).spawn().unwrap();
    let mut progress = BufReader::new(first.stderr.take().unwrap()).lines();
    assert_eq!(progress.next().unwrap().unwrap(), "10000 of 100000 entries");
    first.kill().unwrap();
    first.wait().unwrap();
    let before = count(&target);
    assert!((10_000..100_000).contains(&before), "{before}");

    let second = copy(&source, &target);
    assert!(second.status.success(), "{second:?}");
    let stdout = text(&second.stdout);
    let copied = 100_000 - before;
    assert!(
        stdout.contains(&format!("100000 entries: {copied} copied, {before} there before")),
        "{stdout}"
    );
    assert!(stdout.contains("the database holds 100000 entries"), "{stdout}");
    assert_eq!(count(&target), 100_000);

    // The same content in the same order as in the file.
    let checksum: String =
        diesel::select(sql::<Text>(CHECKSUM)).get_result(&mut target.postgres()).unwrap();
    let reference = Fresh::migrated(StoreKind::Postgres);
    reference.sql(&same_in_postgres());
    let expected: String =
        diesel::select(sql::<Text>(CHECKSUM)).get_result(&mut reference.postgres()).unwrap();
    assert_eq!(checksum, expected);
}

/// The rows of [`MANY`] in PostgreSQL's dialect.
fn same_in_postgres() -> String {
    "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate)
    SELECT (lpad(to_hex((n * 7919) % 100003), 8, '0') || '-0000-4000-8000-'
            || lpad(to_hex(n), 12, '0'))::uuid,
        to_timestamp(1790000000) + n * interval '1 ms',
        to_timestamp(1790000000) + n * interval '1 ms' + n % 2 * interval '1 us', 'Nguyễn', 'Thị ' || n,
        CASE WHEN n % 3 > 0 THEN 'Gate ' || (n % 3) END
    FROM generate_series(1::bigint, 100000) AS n ORDER BY n"
        .into()
}

#[test]
fn an_entry_id_that_the_database_has_with_other_content_is_reported_and_not_changed() {
    let (source, target) = stores();
    let entry = |names: &str, seconds: i64| {
        format!(
            "INSERT INTO attendance (entry_id, login, received_at, {names}) VALUES \
             ('01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f', {seconds}, {seconds}"
        )
    };
    source.sql(&(entry("firstname, lastname", 5_000_000) + ", 'Arvin', 'Cudanin')"));
    target.sql(
        "INSERT INTO attendance (entry_id, login, received_at, firstname, lastname) VALUES \
         ('01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f', now(), now(), 'Siobhán', 'O''Brien')",
    );
    let done = copy(&source, &target);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let stderr = text(&done.stderr);
    assert!(stderr.contains("another entry 01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f"), "{stderr}");
    assert!(stderr.contains("not copied: 1,"), "{stderr}");
    assert_eq!(count(&target), 1);
    let name = diesel::select(sql::<Text>("(SELECT lastname FROM attendance)"));
    assert_eq!(name.get_result(&mut target.postgres()), Ok("O'Brien".to_owned()));
}

const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";
const NEW: &str = "85844c14-bc2f-4249-8dc5-bd17377c5215";
const OTHER: &str = "75844c14-bc2f-4249-8dc5-bd17377c5215";

fn send(service: &Process, path: &str, body: &Value) -> Answer {
    Connection::open(service.address()).unwrap().send("POST", path, "", &body.to_string()).unwrap()
}

/// A chain of three entries, and a voided one.
fn amended(service: &Process) {
    let person = |id: &str| json!({"firstname": "Arvin", "lastname": "Cudanin", "person_ref": "7", "entry_id": id});
    let correct = |id: &str, new: &str, gate: &str| {
        let body = json!({"reason": "wrong gate", "gate": gate, "entry_id": new});
        (format!("/table/entry/{id}/correct"), body)
    };
    let requests = [
        ("/table/create".to_owned(), person(ID)),
        ("/table/create".to_owned(), person(OTHER)),
        correct(ID, NEW, "B"),
        (format!("/table/entry/{OTHER}/void"), json!({"reason": "twice"})),
        correct(NEW, "65844c14-bc2f-4249-8dc5-bd17377c5215", "C"),
    ];
    for (path, body) in requests {
        let answer = send(service, &path, &body);
        assert!(answer.status < 300, "{answer:?}");
    }
}

/// The histories of both chains.
fn histories(service: &Process) -> Vec<Value> {
    let trail = |id: &str| {
        let answer = get(service.address(), &format!("/table/entry/{id}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    [ID, NEW, OTHER].map(trail).into()
}

/// All changes in their order, without their numbers: a sequence of PostgreSQL has gaps.
fn changes(service: &Process) -> Vec<Value> {
    let answer = get(service.address(), "/table/changes");
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut changes = answer.json()["changes"].as_array().unwrap().clone();
    for change in &mut changes {
        change["change"] = Value::Null;
        if change["kind"] == "created" {
            change["entry"]["id"] = Value::Null;
        }
    }
    changes
}

fn lines(output: &Output, status: i32) -> Vec<String> {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn amendments_and_erasures_are_copied_in_their_order() {
    let (source, target) = stores();
    let services = [&source, &target].map(|store| Process::serve(&store.environment()));
    let [file, database] = &services;
    let equal = || assert_eq!(changes(database), changes(file));
    amended(file);
    let copied = lines(&copy(&source, &target), 0);
    assert_eq!(
        copied,
        ["and 3 amendments: 3 copied, 0 there before", "the database holds 4 entries"]
    );
    equal();
    let again = lines(&copy(&source, &target), 0);
    assert_eq!(again[0], "and 3 amendments: 0 copied, 3 there before");

    // What is erased in the file after it was copied is erased in the database.
    let erase = ["erase", "--person-ref", "7"];
    assert!(rollcall(&erase, &source.environment()).status.success());
    let copied = lines(&copy(&source, &target), 0);
    assert_eq!(
        copied[..2],
        ["and 3 amendments: 0 copied, 3 there before", "and 4 erasures: 4 copied, 0 there before",]
    );
    equal();
    for word in ["Arvin", "Cudanin", "wrong gate", "twice"] {
        let stored = contents(&target);
        assert!(!stored.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
    }
    let again = lines(&copy(&source, &target), 0);
    assert_eq!(again[1], "and 4 erasures: 0 copied, 4 there before");
    // A copy into an empty database.
    let empty = Fresh::migrated(StoreKind::Postgres);
    let copied = lines(&copy(&source, &empty), 0);
    assert_eq!(
        copied[..2],
        ["and 3 amendments: 3 copied, 0 there before", "and 4 erasures: 4 copied, 0 there before",]
    );
    let service = Process::serve(&empty.environment());
    assert_eq!(changes(&service), changes(file));
}

#[test]
fn what_is_erased_in_the_database_stays_erased() {
    let (source, target) = stores();
    let services = [&source, &target].map(|store| Process::serve(&store.environment()));
    let [file, database] = &services;
    amended(file);
    assert!(copy(&source, &target).status.success());
    assert!(rollcall(&["erase", "--person-ref", "7"], &target.environment()).status.success());
    let erased = histories(database);
    let again = lines(&copy(&source, &target), 0);
    assert_eq!(
        again,
        ["and 3 amendments: 0 copied, 3 there before", "the database holds 4 entries"]
    );
    assert_eq!(histories(database), erased);
    // A later amendment cannot be copied, and its replacement would bring the name back.
    let path = format!("/table/entry/{OTHER}/correct");
    assert_eq!(send(file, &path, &json!({"reason": "right"})).status, 201);
    let refused = copy(&source, &target);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let stderr = text(&refused.stderr);
    assert!(stderr.contains(&format!("has not the same amendment of entry {OTHER}")), "{stderr}");
    assert_eq!((histories(database), count(&target)), (erased, 4));
}

#[test]
fn an_amendment_of_another_entry_with_the_same_entry_id_is_not_copied() {
    let (source, target) = stores();
    let services = [&source, &target].map(|store| Process::serve(&store.environment()));
    let [file, database] = &services;
    amended(file);
    let another = json!({"firstname": "Siobhán", "lastname": "O'Brien", "entry_id": ID});
    assert_eq!(send(database, "/table/create", &another).status, 201);
    assert!(rollcall(&["erase", "--person-ref", "7"], &source.environment()).status.success());
    let refused = copy(&source, &target);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let trail = get(database.address(), &format!("/table/entry/{ID}")).json();
    assert_eq!(
        (&trail["state"], &trail["entry"]["firstname"]),
        (&json!("stands"), &json!("Siobhán"))
    );
    assert_eq!(count(&target), 2, "and the voided entry");
    let stderr = text(&refused.stderr);
    assert!(stderr.contains("not copied: 8,"), "{stderr}");
}

#[test]
fn the_source_file_is_not_changed() {
    let (source, target) = stores();
    source.sql(
        "INSERT INTO attendance (entry_id, login, received_at, firstname, lastname) VALUES
             ('01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f', 5, 5, 'Arvin', 'Cudanin');
         PRAGMA journal_mode = DELETE",
    );
    let read = || std::fs::read(source.file()).unwrap();
    let before = read();
    let done = copy(&source, &target);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(count(&target), 1);
    assert!(read() == before, "the file has changed");
}

#[test]
fn the_source_file_may_have_any_name() {
    let (source, target) = stores();
    source.sql(
        "INSERT INTO attendance (entry_id, login, received_at, firstname, lastname) VALUES
             ('01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f', 5, 5, 'Arvin', 'Cudanin');
         PRAGMA journal_mode = DELETE",
    );
    let odd = source.file().with_file_name("50% of #1?mode=rw.sqlite3");
    std::fs::copy(source.file(), &odd).unwrap();
    for path in [odd.display().to_string(), format!("/{}", odd.display())] {
        let done = rollcall(&["copy", "--from-file", &path], &target.environment());
        assert!(done.status.success(), "{done:?}");
        assert!(text(&done.stdout).contains("holds 1 entries"), "{done:?}");
    }
    assert_eq!(count(&target), 1);
}

#[test]
fn a_copy_that_cannot_run_names_the_reason() {
    let (source, target) = stores();
    let (old, bare) = (Fresh::bare(StoreKind::Embedded), Fresh::bare(StoreKind::Postgres));
    old.sql("CREATE TABLE attendance (id INTEGER PRIMARY KEY)");
    for (file, environment, reason) in [
        ("/nowhere/x.sqlite3".into(), target.environment(), "there is no file /nowhere"),
        (source.file(), Vec::new(), "set DATABASE_HOSTNAME"),
        (source.file(), bare.environment(), "run rollcall migrate first"),
        (old.file(), target.environment(), "run rollcall migrate first"),
    ] {
        let arguments = ["copy", "--from-file", file.to_str().unwrap()];
        let done = rollcall(&arguments, &environment);
        assert_eq!(done.status.code(), Some(1), "{done:?}");
        assert!(text(&done.stderr).contains(reason), "{done:?}");
    }
}
