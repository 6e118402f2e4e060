use std::error::Error;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::grants;
use super::tables::__diesel_schema_migrations as schema_migrations;
use crate::store::schema::{self, Migration};
use crate::store::{Schema, SchemaState, StoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The key of the advisory lock of migrations: the bytes of "rollcall".
const LOCK: i64 = i64::from_be_bytes(*b"rollcall");

pub(super) fn known() -> Result<Vec<Migration>, StoreError> {
    schema::known::<Pg>(&MIGRATIONS)
}

/// The versions that the database lists. Diesel's own function would create its table, which only
/// the owner may do.
pub(super) fn applied(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    let table_is_there =
        diesel::select(sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL"))
            .get_result(connection)?;
    match table_is_there {
        true => schema_migrations::table.select(schema_migrations::version).load(connection),
        false => Ok(Vec::new()),
    }
}

/// Applies what is missing, and grants `app_role` what the service needs, under a lock of the
/// session. A newer release has made its own grants, so those of a schema that is ahead stay.
pub(super) fn migrate(
    connection: &mut PgConnection,
    app_role: Option<&str>,
    applied: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let failed =
        |connection: &mut PgConnection, error: Box<dyn Error + Send + Sync>| match connection
            .is_broken()
        {
            true => StoreError::unreachable(error),
            false => StoreError::refused(error),
        };
    let encoding: String = diesel::select(sql::<Text>("current_setting('server_encoding')"))
        .get_result(connection)
        .map_err(|e| failed(connection, e.into()))?;
    if encoding != "UTF8" {
        return Err(StoreError::refused(format!(
            "the database's encoding is {encoding}, which cannot hold every name; \
             create it with ENCODING 'UTF8'"
        )));
    }
    if let Some(role) = app_role {
        grants::check(connection, role)?;
    }
    diesel::select(sql::<Text>("pg_advisory_lock(").bind::<BigInt, _>(LOCK).sql(")::text"))
        .execute(connection)
        .map_err(|e| failed(connection, format!("waiting for another migration: {e}").into()))?;
    // For a schema that is current, nothing but reading is needed.
    let there = self::applied(connection).map_err(|e| failed(connection, e.into()))?;
    let schema = Schema::new(known()?, there);
    let pending = match schema.require() {
        Ok(()) => Vec::new(),
        Err(_) => connection.pending_migrations(MIGRATIONS).map_err(|e| failed(connection, e))?,
    };
    for migration in pending {
        connection
            .run_migration(&migration)
            .map_err(|e| failed(connection, format!("{}: {e}", migration.name()).into()))?;
        applied(&migration.name().to_string());
    }
    if let Some(role) = app_role
        && schema.state() != SchemaState::Ahead
    {
        grants::grant(connection, role)
            .map_err(|e| failed(connection, format!("granting to {role}: {e}").into()))?;
        grants::check_limits(connection, role)?;
    }
    // If this fails the session is broken, and its locks are released.
    let _ = connection.batch_execute("SELECT pg_advisory_unlock_all()");
    Ok(())
}
