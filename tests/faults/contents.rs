use std::process::Command;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::support::Fresh;

/// All that the store keeps, as an operator can read it: a dump and the planner's statistics, or the
/// file and those beside it.
pub fn contents(store: &Fresh) -> Vec<u8> {
    match store {
        Fresh::Postgres(target) => {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/postgres.sh");
            let bindir = Command::new(script).arg("bindir").output().unwrap();
            let bindir = String::from_utf8(bindir.stdout).unwrap();
            let dump = Command::new(format!("{}/pg_dump", bindir.trim()))
                .args(["--host", &target.host, "--port", &target.port.to_string()])
                .args(["--username", &target.user, &target.dbname])
                .output()
                .unwrap();
            assert!(dump.status.success(), "{dump:?}");
            let statistics = "(SELECT coalesce(string_agg(s::text, ' '), '') FROM pg_stats s \
                              WHERE schemaname = 'public')";
            let statistics = diesel::select(sql::<Text>(statistics))
                .get_result::<String>(&mut store.postgres())
                .unwrap();
            [dump.stdout, statistics.into_bytes()].concat()
        }
        Fresh::Embedded(folder) => {
            let files = std::fs::read_dir(folder.path()).unwrap();
            files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
        }
    }
}
