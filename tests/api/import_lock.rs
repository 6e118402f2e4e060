//! Only one import at a time records into a store.

use std::io::Write;
use std::process::{Child, ChildStdin, Stdio};

use crate::import::{Target, counts};
use crate::support::process::command;
use crate::support::{StoreKind, on_both_stores, wait_until};

/// Rows of one full batch, which an import records without waiting for more.
fn batch() -> String {
    let rows = (0..1_000).map(|n| format!("A{n},B,2019-06-24T08:00:00Z\n"));
    format!("firstname,lastname,login\n{}", rows.collect::<String>())
}

/// Starts an import that has recorded a batch and waits for more rows.
fn start(target: &Target) -> (Child, ChildStdin) {
    let mut import = command(&["import", "-"], &target.environment());
    let mut import =
        import.current_dir(target.folder.path()).stdin(Stdio::piped()).spawn().unwrap();
    let mut rows = import.stdin.take().unwrap();
    rows.write_all(batch().as_bytes()).unwrap();
    wait_until("the first batch is recorded", || target.app.count_rows() == 1_000);
    (import, rows)
}

on_both_stores! {
    fn a_second_import_fails_at_once_while_the_first_one_runs(store: StoreKind) {
        let target = Target::start(store);
        let (first, mut rows) = start(&target);
        let file = target.file("same.csv", &format!("{}Ann,Bee,2019-06-24T09:00:00Z\n", batch()));
        let second = target.import(&[file.to_str().unwrap()]);
        assert_eq!(second.status.code(), Some(1));
        assert_eq!(
            String::from_utf8(second.stderr).unwrap(),
            "rollcall: another import into this store is running; run this command again when it has ended\n"
        );
        assert_eq!(String::from_utf8(second.stdout).unwrap(), "");
        assert_eq!(target.outcome(&file, &["--dry-run"]), (0, counts(1, 1_000, 0)));

        rows.write_all(b"Cy,Dee,2019-06-24T09:00:00Z\n").unwrap();
        drop(rows);
        let first = first.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(first.stdout).unwrap(), counts(1_001, 0, 0) + "\n");
        assert_eq!(target.outcome(&file, &[]), (0, counts(1, 1_000, 0)));
    }

    fn an_import_that_was_killed_keeps_no_lock(store: StoreKind) {
        let target = Target::start(store);
        let (mut first, _rows) = start(&target);
        first.kill().unwrap();
        first.wait().unwrap();
        assert_eq!(target.outcome(&target.file("same.csv", &batch()), &[]), (0, counts(0, 1_000, 0)));
    }
}

#[test]
fn an_import_ends_when_its_lock_is_lost() {
    let target = Target::start(StoreKind::Postgres);
    let (first, mut rows) = start(&target);
    target.app.store.sql(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks \
         WHERE locktype = 'advisory' \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    rows.write_all(b"Cy,Dee,2019-06-24T09:00:00Z\n").unwrap();
    drop(rows);
    let first = first.wait_with_output().unwrap();
    assert_eq!((first.status.code(), first.stdout), (Some(1), Vec::new()));
    assert_eq!(target.app.count_rows(), 1_000);
}
