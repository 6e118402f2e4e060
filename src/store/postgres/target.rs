use std::fmt::{self, Write};
use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::prelude::*;

use crate::store::StoreError;

/// A database to connect to, with libpq's parameters.
#[derive(Debug, Clone)]
pub struct PostgresTarget {
    pub host: String,
    pub port: u16,
    pub dbname: String,
    pub user: String,
    pub password: Password,
    pub sslmode: String,
    pub sslrootcert: Option<String>,
}

/// A password. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

impl PostgresTarget {
    /// libpq's connection string. `timeout` bounds connecting, and how long a silent server is
    /// taken to be alive.
    pub(super) fn conninfo(&self, timeout: Duration) -> String {
        let seconds = timeout.as_secs().max(1).to_string();
        let milliseconds = timeout.as_millis().max(1_000).to_string();
        let port = self.port.to_string();
        let mut conninfo = String::new();
        for (keyword, value) in [
            ("host", self.host.as_str()),
            ("port", &port),
            ("dbname", &self.dbname),
            ("user", &self.user),
            ("password", &self.password.0),
            ("sslmode", &self.sslmode),
            ("connect_timeout", &seconds),
            ("tcp_user_timeout", &milliseconds),
            ("keepalives_idle", &seconds),
            ("keepalives_interval", "1"),
            ("keepalives_count", "3"),
            ("application_name", "rollcall"),
        ]
        .into_iter()
        .chain(self.sslrootcert.as_deref().map(|file| ("sslrootcert", file)))
        {
            let quoted = value.replace('\\', r"\\").replace('\'', r"\'");
            // Writing to a String cannot fail.
            let _ = write!(conninfo, "{keyword}='{quoted}' ");
        }
        conninfo
    }

    pub(super) fn open(&self, timeout: Duration) -> Result<PgConnection, StoreError> {
        PgConnection::establish(&self.conninfo(timeout))
            .map_err(|e| StoreError::unreachable(e.to_string().trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> PostgresTarget {
        PostgresTarget {
            host: "db".into(),
            port: 5432,
            dbname: "it's".into(),
            user: r"back\slash".into(),
            password: Password("p w' dbname='other".into()),
            sslmode: "require".into(),
            sslrootcert: None,
        }
    }

    #[test]
    fn values_are_quoted_for_libpq() {
        let conninfo = target().conninfo(Duration::from_secs(5));
        for part in [
            r"dbname='it\'s' ",
            r"user='back\\slash' ",
            r"password='p w\' dbname=\'other' ",
            "connect_timeout='5' ",
            "tcp_user_timeout='5000' ",
        ] {
            assert!(conninfo.contains(part), "{part} in {conninfo}");
        }
        assert!(!conninfo.contains("sslrootcert"));
    }

    #[test]
    fn a_password_is_never_shown() {
        assert!(!format!("{:?}", target()).contains("p w"));
    }
}
