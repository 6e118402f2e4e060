use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::tables::__diesel_schema_migrations as schema_migrations;
use crate::store::migrations::{self, Migration};
use crate::store::{Schema, StoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The advisory lock that migrating takes: the bytes of "rollcall".
const LOCK: i64 = i64::from_be_bytes(*b"rollcall");

pub(super) fn known() -> Result<Vec<Migration>, StoreError> {
    migrations::known::<Pg>(&MIGRATIONS)
}

/// The versions that the database lists. Diesel's own call would create its table, which a role
/// that only reads and records may not do.
pub(super) fn applied(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    let table_is_there =
        diesel::select(sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL"))
            .get_result(connection)?;
    match table_is_there {
        true => schema_migrations::table.select(schema_migrations::version).load(connection),
        false => Ok(Vec::new()),
    }
}

/// Applies what is missing, under a lock that ends with the session.
pub(super) fn migrate(
    connection: &mut PgConnection,
    applied: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let failed = |connection: &mut PgConnection, error: String| match connection.is_broken() {
        true => StoreError::Unreachable(error),
        false => StoreError::Refused(error),
    };
    let encoding: String = diesel::select(sql::<Text>("current_setting('server_encoding')"))
        .get_result(connection)
        .map_err(|e| failed(connection, e.to_string()))?;
    if encoding != "UTF8" {
        return Err(StoreError::Refused(format!(
            "the database's encoding is {encoding}, which cannot hold every name; \
             create it with ENCODING 'UTF8'"
        )));
    }
    diesel::select(sql::<Text>("pg_advisory_lock(").bind::<BigInt, _>(LOCK).sql(")::text"))
        .execute(connection)
        .map_err(|e| failed(connection, format!("waiting for another migration: {e}")))?;
    // Diesel's own call would create its table, which only the owner may do.
    let there = self::applied(connection).map_err(|e| failed(connection, e.to_string()))?;
    let pending = match Schema::new(known()?, there).require() {
        Ok(()) => Vec::new(),
        Err(_) => connection
            .pending_migrations(MIGRATIONS)
            .map_err(|e| failed(connection, e.to_string()))?,
    };
    for migration in pending {
        connection
            .run_migration(&migration)
            .map_err(|e| failed(connection, format!("{}: {e}", migration.name())))?;
        applied(&migration.name().to_string());
    }
    // A failure here is the end of the session, which ends the lock.
    let _ = connection.batch_execute("SELECT pg_advisory_unlock_all()");
    Ok(())
}
