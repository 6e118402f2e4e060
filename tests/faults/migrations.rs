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
