//! Several releases are rolled out at once, and each begins with `rollcall migrate`.

use std::process::Output;

use crate::support::process::{command, rollcall};
use crate::support::{Fresh, StoreKind, on_both_stores};

const NAME: &str = "20261121000000_create_attendance";

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

on_both_stores! {
    fn of_eight_that_migrate_at_once_one_does_it_and_all_succeed(store: StoreKind) {
        let store = Fresh::bare(store);
        let environment = store.environment();
        let started = [(); 8].map(|()| command(&["migrate"], &environment).spawn().unwrap());
        let outputs = started.map(|child| child.wait_with_output().unwrap());
        let said: Vec<_> = outputs.iter().flat_map(lines).collect();
        let applied: Vec<_> = said.iter().filter(|line| line.starts_with("applied")).collect();
        assert_eq!(applied, [&format!("applied {NAME}")], "{said:?}");
        let current = said.iter().filter(|line| line.starts_with("the schema is current")).count();
        assert_eq!(current, 8, "{said:?}");
        let list = lines(&rollcall(&["migrate", "--list"], &environment));
        assert_eq!(list, [format!("{NAME}  applied")]);
    }
}

/// As `docs/OPERATIONS.md` sets it up: another role owns the tables, and made Diesel's own one.
#[test]
fn a_role_that_owns_nothing_finds_the_schema_current() {
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
    let said = lines(&rollcall(&["migrate"], &environment));
    assert_eq!(said, ["the schema is current: 20261121000000"]);
    // A role is the server's, and not gone with the database.
    store.sql(&format!("DROP OWNED BY \"{database}\"; DROP ROLE \"{database}\""));
}
