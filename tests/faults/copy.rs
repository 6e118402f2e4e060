//! `rollcall copy`: an embedded store's entries go to PostgreSQL.

use std::io::{BufRead, BufReader};
use std::process::Output;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::support::process::{command, rollcall};
use crate::support::{Fresh, StoreKind};

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
