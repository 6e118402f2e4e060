use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::patience;
use crate::support::Fresh;

/// A session past the service that holds its store: nothing can be recorded, and reads go on.
/// Dropping it lets go.
pub enum StoreLock {
    Postgres(PgConnection),
    Embedded(#[expect(dead_code, reason = "held until it is dropped")] SqliteConnection),
}

impl StoreLock {
    pub fn take(store: &Fresh) -> Self {
        match store {
            Fresh::Postgres(_) => {
                let mut session = store.postgres();
                session.batch_execute("BEGIN; LOCK TABLE attendance IN EXCLUSIVE MODE").unwrap();
                Self::Postgres(session)
            }
            Fresh::Embedded(_) => {
                let file = store.file();
                let mut session = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
                session.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").unwrap();
                Self::Embedded(session)
            }
        }
    }

    /// Waits until so many writers have run into the lock. A file does not tell who waits for it.
    #[track_caller]
    pub fn wait_until_met(&mut self, writers: i64) {
        let Self::Postgres(session) = self else { panic!("SQLite cannot be asked") };
        patience::until("the writers wait for the table", || {
            // The table has the same number in every database that was copied from one template.
            let waiting = "(SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database \
                            WHERE datname = current_database() \
                            AND relation = 'attendance'::regclass AND NOT granted)";
            diesel::select(sql::<BigInt>(waiting)).get_result::<i64>(session).unwrap() == writers
        });
    }
}
