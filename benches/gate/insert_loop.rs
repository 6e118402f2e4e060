use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::Result;
use crate::entry_id::entry_id;
use crate::run::Seen;

diesel::table! {
    attendance (id) {
        id -> BigInt,
        entry_id -> Text,
        login -> BigInt,
        received_at -> BigInt,
        lastname -> Text,
        firstname -> Text,
        gate -> Nullable<Text>,
    }
}

/// The plainest durable writer: one thread, one prepared insert after the other into an SQLite
/// file, each in a transaction of its own.
pub struct InsertLoop {
    connection: SqliteConnection,
    inserted: u64,
}

impl InsertLoop {
    /// A loop on a file that already has the service's schema.
    pub fn open(file: &Path) -> Result<Self> {
        let mut connection = open(file)?;
        // Like the service's store: without FULL a commit would not wait for the disk.
        connection.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        Ok(Self { connection, inserted: 0 })
    }

    /// Inserts for `time`.
    pub fn run(&mut self, time: Duration) -> Result<Seen> {
        let mut latencies = Vec::new();
        let begin = Instant::now();
        let mut now = begin;
        while now - begin < time {
            self.insert()?;
            let then = std::mem::replace(&mut now, Instant::now());
            latencies.push(now - then);
        }
        latencies.sort_unstable();
        Ok(Seen {
            creates: latencies.len() as u64,
            rate: latencies.len() as f64 / (now - begin).as_secs_f64(),
            latencies,
        })
    }

    /// SQLite's version.
    pub fn version(&mut self) -> Result<String> {
        Ok(diesel::select(sql::<Text>("sqlite_version()")).get_result(&mut self.connection)?)
    }

    fn insert(&mut self) -> Result<()> {
        let login = self.inserted as i64;
        let entry_id = entry_id(self.inserted).to_string();
        self.inserted += 1;
        diesel::insert_into(attendance::table)
            .values((
                attendance::entry_id.eq(entry_id),
                attendance::login.eq(login),
                attendance::received_at.eq(login),
                attendance::lastname.eq("Cudanin"),
                attendance::firstname.eq("Arvin"),
                attendance::gate.eq("A"),
            ))
            .execute(&mut self.connection)?;
        Ok(())
    }
}

/// Opens an SQLite file.
pub fn open(file: &Path) -> Result<SqliteConnection> {
    let name = file.to_str().ok_or("the directory's name is not UTF-8")?;
    Ok(SqliteConnection::establish(name)?)
}
