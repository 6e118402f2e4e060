use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::refusal::refusal;
use super::tables::{__diesel_schema_migrations as schema_migrations, sqlite_master};
use crate::store::StoreError;
use crate::store::schema::{self, Migration};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

pub(super) fn known() -> Result<Vec<Migration>, StoreError> {
    schema::known::<Sqlite>(&MIGRATIONS)
}

/// The versions that the file lists. Diesel's own function would create its table.
pub(super) fn applied(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    let tables: i64 = sqlite_master::table
        .filter(sqlite_master::name.eq("__diesel_schema_migrations"))
        .count()
        .get_result(connection)?;
    match tables {
        0 => Ok(Vec::new()),
        _ => schema_migrations::table.select(schema_migrations::version).load(connection),
    }
}

/// Applies what is missing in one transaction that holds the file's write lock.
pub(super) fn migrate(
    connection: &mut SqliteConnection,
    applied: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let done = connection.immediate_transaction(|connection| {
        let pending = connection.pending_migrations(MIGRATIONS).map_err(Failed::Migration)?;
        for migration in &pending {
            connection.run_migration(migration).map_err(Failed::Migration)?;
        }
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect::<Vec<_>>())
    });
    match done {
        Ok(names) => names.iter().for_each(|name| applied(name)),
        Err(Failed::Migration(error)) => return Err(StoreError::refused(error)),
        Err(Failed::Transaction(error)) => return Err(refusal(error)),
    }
    Ok(())
}

enum Failed {
    Migration(Box<dyn std::error::Error + Send + Sync>),
    Transaction(diesel::result::Error),
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Self::Transaction(error)
    }
}
