//! Several processes run `rollcall migrate` at once, as in parallel roll-outs.

use std::process::Output;

use crate::support::process::{command, rollcall};
use crate::support::{Fresh, StoreKind, last_version, migrations, on_both_stores};

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

on_both_stores! {
    fn of_eight_parallel_migrations_one_applies_it_and_all_succeed(store: StoreKind) {
        let store = Fresh::bare(store);
        let environment = store.environment();
        let started = [(); 8].map(|()| command(&["migrate"], &environment).spawn().unwrap());
        let outputs = started.map(|child| child.wait_with_output().unwrap());
        let output: Vec<_> = outputs.iter().flat_map(lines).collect();
        let applied: Vec<_> = output.iter().filter(|line| line.starts_with("applied")).collect();
        let each_once = migrations().iter().map(|name| format!("applied {name}")).collect::<Vec<_>>();
        assert_eq!(applied, each_once.iter().collect::<Vec<_>>(), "{output:?}");
        let current =
            output.iter().filter(|line| line.starts_with("the schema is current")).count();
        assert_eq!(current, 8, "{output:?}");
        let list = lines(&rollcall(&["migrate", "--list"], &environment));
        let all_applied = migrations().iter().map(|name| format!("{name}  applied")).collect::<Vec<_>>();
        assert_eq!(list, all_applied);
    }
}

/// The set-up of `docs/OPERATIONS.md`: another role owns all tables, Diesel's own table included.
#[test]
fn a_role_that_owns_no_table_finds_the_schema_current() {
    let store = Fresh::migrated(StoreKind::Postgres);
    store.sql(
        "DO $$ BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', current_database());
            EXECUTE format('GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO %I', current_database());
        END $$",
    );
    let mut environment = store.environment();
    let database = environment.iter().find(|(name, _)| *name == "DATABASE_NAME").unwrap().1.clone();
    environment.push(("DATABASE_USER", database.clone()));
    let output = rollcall(&["migrate"], &environment);
    // A role belongs to the server and not to the database, so it must be dropped explicitly.
    store.sql(&format!("DROP OWNED BY \"{database}\"; DROP ROLE \"{database}\""));
    assert_eq!(lines(&output), [format!("the schema is current: {}", last_version())]);
}
