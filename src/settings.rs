//! The environment, read once and turned into values. Nobody but `main` and the commands sees it.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::domain::Site;
use crate::store::{Password, PostgresTarget};

/// Everything that the environment decides.
#[derive(Debug)]
pub struct Settings {
    pub database: Database,
    /// Connections for reading.
    pub pool_size: u32,
    /// How long a request waits for the store in all.
    pub timeout: Duration,
    pub migrate_on_start: bool,
    pub site: Site,
    pub log: LogSettings,
    pub listen: SocketAddr,
}

/// Which store, and where it is.
#[derive(Debug)]
pub enum Database {
    Postgres(PostgresTarget),
    Embedded(PathBuf),
}

/// What is logged, and how it is written.
#[derive(Debug)]
pub struct LogSettings {
    pub filter: Targets,
    /// `None`: text on a terminal, else JSON.
    pub format: Option<LogFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// A variable that cannot be used, in one line: its name, what it held, and what it may hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {held}; it must be {expected}")]
pub struct InvalidSetting {
    variable: &'static str,
    held: String,
    expected: &'static str,
}

/// The variables as envy hands them over. Only text: what each may hold is said by `Settings`,
/// in words of our own, and a value never passes through an error that we did not write.
#[derive(Deserialize)]
struct Variables {
    database_name: Option<String>,
    database_user: Option<String>,
    database_password: Option<String>,
    database_hostname: Option<String>,
    database_port: Option<String>,
    database_file: Option<String>,
    database_sslmode: Option<String>,
    database_sslrootcert: Option<String>,
    database_pool_size: Option<String>,
    database_timeout_seconds: Option<String>,
    rollcall_timezone: Option<String>,
    rollcall_day_start: Option<String>,
    rollcall_migrate_on_start: Option<String>,
    rollcall_log: Option<String>,
    rollcall_log_format: Option<String>,
    rocket_address: Option<String>,
    rocket_port: Option<String>,
    port: Option<String>,
}

impl Settings {
    /// Reads the variables that concern us out of `environment`.
    pub fn from_env(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, InvalidSetting> {
        let Variables {
            database_name,
            database_user,
            database_password,
            database_hostname,
            database_port,
            database_file,
            database_sslmode,
            database_sslrootcert,
            database_pool_size,
            database_timeout_seconds,
            rollcall_timezone,
            rollcall_day_start,
            rollcall_migrate_on_start,
            rollcall_log,
            rollcall_log_format,
            rocket_address,
            rocket_port,
            port,
        } = variables(environment)?;

        let is_postgres = [
            &database_name,
            &database_user,
            &database_password,
            &database_hostname,
            &database_port,
        ]
        .iter()
        .any(|variable| variable.is_some());

        let target = PostgresTarget {
            dbname: text("DATABASE_NAME", database_name, "a database's name")?
                .unwrap_or_else(|| "myapp_db".into()),
            user: text("DATABASE_USER", database_user, "a role's name")?
                .unwrap_or_else(|| "postgres".into()),
            password: Password(database_password.unwrap_or_else(|| "postgres".into())),
            host: text("DATABASE_HOSTNAME", database_hostname, "a host's name or address")?
                .unwrap_or_else(|| "myapp-database".into()),
            port: number("DATABASE_PORT", database_port, 1..=65_535, "a port from 1 to 65535")?
                .unwrap_or(5432),
            sslmode: one_of(
                "DATABASE_SSLMODE",
                database_sslmode,
                &SSLMODES.map(|mode| (mode, mode)),
                "disable, allow, prefer, require, verify-ca or verify-full",
            )?
            .unwrap_or("prefer")
            .into(),
            sslrootcert: text("DATABASE_SSLROOTCERT", database_sslrootcert, "a file's path")?,
        };
        let file = text("DATABASE_FILE", database_file, "a file's path")?;
        let day_start = rollcall_day_start.as_deref().unwrap_or("00:00");
        let zone = parsed(
            "ROLLCALL_TIMEZONE",
            rollcall_timezone.as_deref(),
            |name| name.parse().ok(),
            "an IANA time zone's name, such as Asia/Manila or UTC",
        )?;
        let timeout = number(
            "DATABASE_TIMEOUT_SECONDS",
            database_timeout_seconds,
            1..=3_600,
            "whole seconds from 1 to 3600",
        )?;
        const PORT: &str = "a port from 0 to 65535 (0: any that is free)";
        let rocket_port = number("ROCKET_PORT", rocket_port, 0..=65_535, PORT)?;
        let port = match rocket_port {
            Some(port) => Some(port),
            None => number("PORT", port, 0..=65_535, PORT)?,
        };
        let address = parsed(
            "ROCKET_ADDRESS",
            rocket_address.as_deref(),
            |address| address.parse().ok(),
            "an IP address, such as 127.0.0.1, 0.0.0.0 or ::",
        )?;

        Ok(Self {
            pool_size: number("DATABASE_POOL_SIZE", database_pool_size, 1..=1_000, "a number from 1 to 1000")?
                .unwrap_or(10),
            timeout: Duration::from_secs(timeout.unwrap_or(5)),
            migrate_on_start: one_of(
                "ROLLCALL_MIGRATE_ON_START",
                rollcall_migrate_on_start,
                &[("true", true), ("false", false)],
                "true or false",
            )?
            .unwrap_or(!is_postgres),
            database: match is_postgres {
                true => Database::Postgres(target),
                false => Database::Embedded(file.unwrap_or_else(|| "rollcall.sqlite3".into()).into()),
            },
            site: Site::new(zone.unwrap_or(chrono_tz::UTC), day_start).map_err(|_| {
                invalid("ROLLCALL_DAY_START", day_start, "a time of day from 00:00 to 23:59, as HH:MM")
            })?,
            log: LogSettings {
                filter: parsed(
                    "ROLLCALL_LOG",
                    rollcall_log.as_deref(),
                    log_filter,
                    "off, error, warn, info, debug or trace, or a list such as info,rollcall::store=debug",
                )?
                .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)),
                format: one_of(
                    "ROLLCALL_LOG_FORMAT",
                    rollcall_log_format,
                    &[("text", LogFormat::Text), ("json", LogFormat::Json)],
                    "text or json",
                )?,
            },
            listen: SocketAddr::new(
                address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                port.unwrap_or(8000),
            ),
        })
    }
}

const SSLMODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Every variable that means something to us.
const NAMES: [&str; 18] = [
    "DATABASE_NAME",
    "DATABASE_USER",
    "DATABASE_PASSWORD",
    "DATABASE_HOSTNAME",
    "DATABASE_PORT",
    "DATABASE_FILE",
    "DATABASE_SSLMODE",
    "DATABASE_SSLROOTCERT",
    "DATABASE_POOL_SIZE",
    "DATABASE_TIMEOUT_SECONDS",
    "ROLLCALL_TIMEZONE",
    "ROLLCALL_DAY_START",
    "ROLLCALL_MIGRATE_ON_START",
    "ROLLCALL_LOG",
    "ROLLCALL_LOG_FORMAT",
    "ROCKET_ADDRESS",
    "ROCKET_PORT",
    "PORT",
];

/// Names are matched to the letter, as everywhere on Unix: envy alone would take any case.
fn variables(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Variables, InvalidSetting> {
    let ours = environment.into_iter().filter_map(|(name, value)| {
        let name = NAMES.into_iter().find(|&ours| name == ours)?;
        Some(value.into_string().map(|value| (name.to_owned(), value)).map_err(|_| {
            // Not shown: it may be the password.
            InvalidSetting {
                variable: name,
                held: "holds bytes that are not UTF-8".into(),
                expected: "UTF-8",
            }
        }))
    });
    let ours = ours.collect::<Result<Vec<_>, _>>()?;
    envy::from_iter(ours).map_err(|error| InvalidSetting {
        variable: "the environment",
        held: format!("cannot be read ({error})"),
        expected: "plain text",
    })
}

fn invalid(variable: &'static str, held: &str, expected: &'static str) -> InvalidSetting {
    InvalidSetting { variable, held: format!("is {held:?}"), expected }
}

fn parsed<T>(
    variable: &'static str,
    held: Option<&str>,
    parse: impl FnOnce(&str) -> Option<T>,
    expected: &'static str,
) -> Result<Option<T>, InvalidSetting> {
    held.map(|held| parse(held).ok_or_else(|| invalid(variable, held, expected))).transpose()
}

fn text(
    variable: &'static str,
    held: Option<String>,
    expected: &'static str,
) -> Result<Option<String>, InvalidSetting> {
    // libpq ends its strings at a NUL; the environment cannot hold one.
    parsed(variable, held.as_deref(), |held| (!held.is_empty()).then(|| held.to_owned()), expected)
}

fn number<T: TryFrom<u32>>(
    variable: &'static str,
    held: Option<String>,
    bounds: std::ops::RangeInclusive<u32>,
    expected: &'static str,
) -> Result<Option<T>, InvalidSetting> {
    let parse = |held: &str| {
        let digits = held.bytes().all(|b| b.is_ascii_digit());
        let number = held.parse().ok().filter(|number| digits && bounds.contains(number))?;
        T::try_from(number).ok()
    };
    parsed(variable, held.as_deref(), parse, expected)
}

fn one_of<T: Copy>(
    variable: &'static str,
    held: Option<String>,
    choices: &[(&str, T)],
    expected: &'static str,
) -> Result<Option<T>, InvalidSetting> {
    let find = |held: &str| choices.iter().find(|(word, _)| *word == held).map(|&(_, value)| value);
    parsed(variable, held.as_deref(), find, expected)
}

/// A level, or levels for single targets. `Targets` alone would take any word for a target's name
/// and then log nothing else.
fn log_filter(text: &str) -> Option<Targets> {
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let is_directive = |part: &str| match part.split_once('=') {
        Some((target, level)) => !target.is_empty() && is_level(level),
        None => is_level(part),
    };
    text.split(',').all(is_directive).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::from_env(variables.iter().map(|(n, v)| (n.into(), v.into())))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn nothing_set_is_the_embedded_store_on_this_machine() {
        let settings = settings(&[]).unwrap();
        assert!(
            matches!(settings.database, Database::Embedded(file) if file.to_str() == Some("rollcall.sqlite3"))
        );
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
        assert_eq!((settings.pool_size, settings.timeout), (10, Duration::from_secs(5)));
        assert!(settings.migrate_on_start);
    }

    #[test]
    fn any_one_of_the_demos_five_means_postgresql() {
        for (name, value) in [
            ("DATABASE_NAME", "x"),
            ("DATABASE_USER", "x"),
            ("DATABASE_PASSWORD", ""),
            ("DATABASE_HOSTNAME", "x"),
            ("DATABASE_PORT", "6543"),
        ] {
            let settings = settings(&[(name, value), ("DATABASE_FILE", "x")]).unwrap();
            let Database::Postgres(target) = settings.database else { panic!("{name}") };
            let defaults = [
                ("DATABASE_NAME", &target.dbname, "myapp_db"),
                ("DATABASE_USER", &target.user, "postgres"),
                ("DATABASE_PASSWORD", &target.password.0, "postgres"),
                ("DATABASE_HOSTNAME", &target.host, "myapp-database"),
            ];
            for (other, held, default) in defaults {
                assert_eq!(
                    held,
                    if other == name { value } else { default },
                    "{other} with {name}"
                );
            }
            assert_eq!(target.port, if name == "DATABASE_PORT" { 6543 } else { 5432 });
            assert_eq!(target.sslmode, "prefer");
            assert!(!settings.migrate_on_start);
        }
    }

    #[test]
    fn what_does_not_parse_is_named_with_what_it_held_and_may_hold() {
        for (name, value, expected) in [
            ("DATABASE_NAME", "", "a database's name"),
            ("DATABASE_PORT", "0", "a port from 1 to 65535"),
            ("DATABASE_PORT", "+5432", "a port from 1 to 65535"),
            ("DATABASE_SSLMODE", "sometimes", "disable, allow"),
            ("DATABASE_SSLROOTCERT", "", "a file's path"),
            ("DATABASE_FILE", "", "a file's path"),
            ("DATABASE_POOL_SIZE", "0", "a number from 1"),
            ("DATABASE_TIMEOUT_SECONDS", "1.5", "whole seconds"),
            ("ROLLCALL_TIMEZONE", "Manila", "an IANA time zone"),
            ("ROLLCALL_DAY_START", "5am", "a time of day"),
            ("ROLLCALL_MIGRATE_ON_START", "yes", "true or false"),
            ("ROLLCALL_LOG", "loud", "off, error"),
            ("ROLLCALL_LOG", "", "off, error"),
            ("ROLLCALL_LOG", "info,rocket=", "off, error"),
            ("ROLLCALL_LOG_FORMAT", "xml", "text or json"),
            ("ROCKET_ADDRESS", "localhost", "an IP address"),
            ("ROCKET_PORT", "65536", "a port from 0"),
            ("PORT", "", "a port from 0"),
        ] {
            let error = settings(&[(name, value)]).expect_err(name);
            assert!(
                error.starts_with(&format!("{name} is {value:?}; it must be {expected}")),
                "{error}"
            );
            assert_eq!(error.lines().count(), 1);
        }
    }

    #[test]
    fn port_counts_where_rocket_port_is_not_set() {
        let port = |variables: &[_]| settings(variables).unwrap().listen.port();
        assert_eq!(port(&[("PORT", "81")]), 81);
        assert_eq!(port(&[("PORT", "what"), ("ROCKET_PORT", "82")]), 82);
    }

    #[test]
    fn a_password_is_never_shown() {
        use std::os::unix::ffi::OsStringExt;
        let secret = settings(&[("DATABASE_PASSWORD", "hunter2")]).unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
        let broken = OsString::from_vec(b"hunter2\xff".to_vec());
        let error = Settings::from_env([("DATABASE_PASSWORD".into(), broken)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "DATABASE_PASSWORD holds bytes that are not UTF-8; it must be UTF-8"
        );
    }

    #[test]
    fn names_are_matched_to_the_letter() {
        assert!(settings(&[("database_port", "x"), ("Port", "y"), ("PORTS", "z")]).is_ok());
    }
}
