//! What the role of the service may do. It is not the role that owns the tables.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::store::StoreError;

/// The tables that the service uses, with the privileges that it needs. A new table belongs here.
/// Erasing is not among them: it needs the owner.
const GRANTS: [(&str, &str); 8] = [
    ("__diesel_schema_migrations", "SELECT"),
    ("attendance", "SELECT, INSERT"),
    ("amendment", "SELECT, INSERT"),
    ("erasure", "SELECT"),
    ("tokens", "SELECT, INSERT, UPDATE (revoked_at)"),
    ("token_uses", "SELECT, INSERT, UPDATE (last_seen_at)"),
    (
        "gate_contacts",
        "SELECT, INSERT, UPDATE (last_contact, last_entry, pending, oldest_pending, reported_at, \
         complete_until)",
    ),
    ("sessions", "SELECT, INSERT, UPDATE (last_used_at), DELETE"),
];

/// Privileges that the service's role must not have, by whatever grant: with them it could alter the
/// trail.
const FORBIDDEN: [(&str, &[&str]); 3] = [
    ("attendance", &["UPDATE", "DELETE", "TRUNCATE"]),
    ("amendment", &["UPDATE", "DELETE", "TRUNCATE"]),
    ("erasure", &["INSERT", "UPDATE", "DELETE", "TRUNCATE"]),
];

/// Amendments draw their numbers from the sequence of the entries' ids, which needs a privilege of
/// its own. Entries draw them by an identity, which needs none.
const SEQUENCE: &str = "pg_get_serial_sequence('attendance', 'id')";

#[derive(QueryableByName)]
struct Role {
    #[diesel(sql_type = Bool)]
    may_do_all: bool,
}

#[derive(QueryableByName)]
struct May {
    #[diesel(sql_type = Bool)]
    may: bool,
}

/// Refuses a role that does not exist, or whose rights could not be limited.
pub(super) fn check(connection: &mut PgConnection, role: &str) -> Result<(), StoreError> {
    let found = diesel::sql_query(
        "SELECT pg_has_role(oid, current_user, 'MEMBER') AS may_do_all FROM pg_roles \
         WHERE rolname = $1",
    )
    .bind::<Text, _>(role)
    .get_result::<Role>(connection)
    .optional()
    .map_err(StoreError::unreachable)?;
    match found {
        Some(Role { may_do_all: false }) => Ok(()),
        Some(Role { may_do_all: true }) => Err(StoreError::refused(format!(
            "the role {role} of DATABASE_APP_ROLE may do all that the owner of the tables may; \
             name a role that is neither the owner nor a superuser"
        ))),
        None => Err(StoreError::refused(format!(
            "there is no role {role}, which DATABASE_APP_ROLE names; create it first"
        ))),
    }
}

/// Grants `role` exactly what the service needs of its tables, in one transaction, so that a running
/// service never lacks anything.
pub(super) fn grant(connection: &mut PgConnection, role: &str) -> QueryResult<()> {
    let quoted = format!("\"{}\"", role.replace('"', "\"\""));
    connection.transaction(|connection| {
        for (table, privileges) in GRANTS {
            connection.batch_execute(&format!(
                "REVOKE ALL ON {table} FROM {quoted}; GRANT {privileges} ON {table} TO {quoted}"
            ))?;
        }
        let sequence: String = diesel::select(sql::<Text>(SEQUENCE)).get_result(connection)?;
        connection.batch_execute(&format!(
            "REVOKE ALL ON SEQUENCE {sequence} FROM {quoted}; \
             GRANT USAGE ON SEQUENCE {sequence} TO {quoted}"
        ))?;
        // Often everybody may use the schema, and only its owner can grant it.
        let may_use = sql::<Bool>("has_schema_privilege(").bind::<Text, _>(role);
        let may_use: bool =
            diesel::select(may_use.sql(", current_schema(), 'USAGE')")).get_result(connection)?;
        if !may_use {
            let schema = diesel::select(sql::<Text>("quote_ident(current_schema())"));
            let schema: String = schema.get_result(connection)?;
            connection.batch_execute(&format!("GRANT USAGE ON SCHEMA {schema} TO {quoted}"))?;
        }
        Ok(())
    })
}

/// Refuses `role` if it has a forbidden privilege nevertheless: by a grant to PUBLIC, which counts for
/// every role, or as a member of another role, even if it has to switch to that role first.
pub(super) fn check_limits(connection: &mut PgConnection, role: &str) -> Result<(), StoreError> {
    for (table, privileges) in FORBIDDEN {
        for privilege in privileges {
            let may = diesel::sql_query(format!(
                "SELECT EXISTS (SELECT FROM pg_roles WHERE pg_has_role($1, oid, 'MEMBER') \
                 AND {}) AS may",
                held(table, privilege)
            ));
            let May { may } = may
                .bind::<Text, _>(role)
                .get_result(connection)
                .map_err(StoreError::unreachable)?;
            if may {
                return Err(StoreError::refused(format!(
                    "the role {role} of DATABASE_APP_ROLE still has the privilege {privilege} on \
                     the table {table}: revoke it from PUBLIC and from the roles that {role} is a \
                     member of"
                )));
            }
        }
    }
    Ok(())
}

/// The condition that the role `oid` has the privilege on the table, or on a column of it.
fn held(table: &str, privilege: &str) -> String {
    match privilege {
        // They cannot be granted on columns.
        "DELETE" | "TRUNCATE" => format!("has_table_privilege(oid, '{table}', '{privilege}')"),
        _ => format!("has_any_column_privilege(oid, '{table}', '{privilege}')"),
    }
}
