use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::support::{Fresh, wait_until};

/// A session of another client that holds a write lock: the service can read but not record.
/// Dropping it releases the lock.
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

    /// Waits until `writers` sessions wait for the lock. For PostgreSQL only: SQLite does not show
    /// who waits.
    #[track_caller]
    pub fn wait_until_blocked(&mut self, writers: i64) {
        let Self::Postgres(session) = self else { panic!("SQLite does not show who waits") };
        wait_until("the writers wait for the table", || {
            // The table has the same OID in every database that was copied from one template.
            let waiting = "(SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database \
                            WHERE datname = current_database() \
                            AND relation = 'attendance'::regclass AND NOT granted)";
            diesel::select(sql::<BigInt>(waiting)).get_result::<i64>(session).unwrap() == writers
        });
    }
}
