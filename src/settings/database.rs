use std::path::PathBuf;

use super::variable::{InvalidSetting, Variables, number, one_of, parsed, text};
use crate::store::{Password, PostgresTarget};

/// The kind of store, and where it is.
#[derive(Debug)]
pub enum Database {
    /// The replica, if there is one, serves sheets.
    Postgres {
        primary: PostgresTarget,
        replica: Option<Box<PostgresTarget>>,
        /// The role to which migrating grants what the service needs.
        app_role: Option<String>,
    },
    Embedded(PathBuf),
}

/// PostgreSQL if one of `DATABASE_NAME`, `_USER`, `_PASSWORD`, `_HOSTNAME` and `_PORT` is set. All
/// variables are checked, whichever store it is.
pub(super) fn database(v: &Variables) -> Result<Database, InvalidSetting> {
    const HOST: &str = "a host's name or address";
    const PORT: &str = "a port from 1 to 65535";
    const SSLMODES: &str = "disable, allow, prefer, require, verify-ca or verify-full";
    let name = text("DATABASE_NAME", &v.database_name, "a database's name")?;
    let user = text("DATABASE_USER", &v.database_user, "a role's name")?;
    let password = v.database_password.clone();
    let host = text("DATABASE_HOSTNAME", &v.database_hostname, HOST)?;
    let port = number("DATABASE_PORT", &v.database_port, 1..=65_535, PORT)?;
    let read_host = text("DATABASE_READ_HOSTNAME", &v.database_read_hostname, HOST)?;
    let read_port = number("DATABASE_READ_PORT", &v.database_read_port, 1..=65_535, PORT)?;
    let app_role = text("DATABASE_APP_ROLE", &v.database_app_role, "a role's name")?;
    let modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
    let sslmode =
        one_of("DATABASE_SSLMODE", &v.database_sslmode, &modes.map(|mode| (mode, mode)), SSLMODES)?;
    let sslrootcert = text("DATABASE_SSLROOTCERT", &v.database_sslrootcert, "a file's path")?;
    let file = parsed(
        "DATABASE_FILE",
        &v.database_file,
        |path| names_a_file(path).then(|| path.to_owned()),
        "a file's path",
    )?;

    let is_postgres =
        name.is_some() || user.is_some() || password.is_some() || host.is_some() || port.is_some();
    if !is_postgres {
        return Ok(Database::Embedded(file.unwrap_or_else(|| "rollcall.sqlite3".into()).into()));
    }
    let primary = PostgresTarget {
        host: host.unwrap_or_else(|| "myapp-database".into()),
        port: port.unwrap_or(5432),
        dbname: name.unwrap_or_else(|| "myapp_db".into()),
        user: user.unwrap_or_else(|| "postgres".into()),
        password: Password(password.unwrap_or_else(|| "postgres".into())),
        sslmode: sslmode.unwrap_or("prefer").into(),
        sslrootcert,
    };
    let replica = read_host.map(|host| {
        let port = read_port.unwrap_or(primary.port);
        Box::new(PostgresTarget { host, port, ..primary.clone() })
    });
    Ok(Database::Postgres { primary, replica, app_role })
}

/// For SQLite `:memory:` is a store that ends with its connection, and `file:` begins a URI.
fn names_a_file(path: &str) -> bool {
    !path.is_empty() && path != ":memory:" && !path.starts_with("file:")
}
