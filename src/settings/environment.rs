use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::access::AccessSettings;
use super::database::{Database, database};
use super::proxy::ProxyVariables;
use super::upstream::UpstreamSettings;
use super::variable::{InvalidSetting, Variables, number, one_of, parsed};
use crate::domain::Site;

/// All settings.
#[derive(Debug)]
pub struct Settings {
    pub database: Database,
    /// Connections for reading.
    pub pool_size: u32,
    /// How long a request waits for the store in all.
    pub timeout: Duration,
    pub migrate_on_start: bool,
    pub site: Site,
    pub access: AccessSettings,
    pub upstream: UpstreamSettings,
    pub log: LogSettings,
    pub listen: SocketAddr,
    /// The port that serves `/metrics` instead, on the same address.
    pub metrics_port: Option<u16>,
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

impl Settings {
    /// Reads the variables of this program in `environment`. The first invalid one is the error.
    pub fn from_env(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, InvalidSetting> {
        let environment: Vec<_> = environment.into_iter().collect();
        let proxies = ProxyVariables::read(&environment);
        let v = Variables::read(environment)?;
        let database = database(&v)?;
        let timeout = number(
            "DATABASE_TIMEOUT_SECONDS",
            &v.database_timeout_seconds,
            1..=3_600,
            "whole seconds from 1 to 3600",
        )?;
        let migrate_on_start = one_of(
            "ROLLCALL_MIGRATE_ON_START",
            &v.rollcall_migrate_on_start,
            &[("true", true), ("false", false)],
            "true or false",
        )?;
        let listen = listen(&v)?;
        Ok(Self {
            pool_size: number(
                "DATABASE_POOL_SIZE",
                &v.database_pool_size,
                1..=1_000,
                "a number from 1 to 1000",
            )?
            .unwrap_or(10),
            timeout: Duration::from_secs(timeout.unwrap_or(5)),
            migrate_on_start: migrate_on_start.unwrap_or(matches!(database, Database::Embedded(_))),
            database,
            site: site(&v)?,
            access: AccessSettings::read(&v)?,
            upstream: UpstreamSettings::read(&v, &proxies)?,
            log: log(&v)?,
            metrics_port: metrics_port(&v, listen)?,
            listen,
        })
    }
}

fn site(v: &Variables) -> Result<Site, InvalidSetting> {
    let zone = parsed(
        "ROLLCALL_TIMEZONE",
        &v.rollcall_timezone,
        |name| name.parse().ok(),
        "an IANA time zone's name, such as Asia/Manila or UTC",
    )?
    .unwrap_or(chrono_tz::UTC);
    let site = parsed(
        "ROLLCALL_DAY_START",
        &v.rollcall_day_start,
        |start| Site::new(zone, start).ok(),
        "a time of day from 00:00 to 23:59, as HH:MM",
    )?;
    Ok(site.unwrap_or_else(|| Site::in_zone(zone)))
}

fn log(v: &Variables) -> Result<LogSettings, InvalidSetting> {
    let filter = parsed(
        "ROLLCALL_LOG",
        &v.rollcall_log,
        log_filter,
        "off, error, warn, info, debug or trace, or a list such as info,rollcall::store=debug",
    )?;
    let format = one_of(
        "ROLLCALL_LOG_FORMAT",
        &v.rollcall_log_format,
        &[("text", LogFormat::Text), ("json", LogFormat::Json)],
        "text or json",
    )?;
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    Ok(LogSettings { filter, format })
}

/// A level, or levels for single targets. `Targets` alone would take any word for the name of a
/// target, and then log nothing else.
fn log_filter(text: &str) -> Option<Targets> {
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let is_directive = |part: &str| match part.split_once('=') {
        Some((target, level)) => !target.is_empty() && is_level(level),
        None => is_level(part),
    };
    text.split(',').all(is_directive).then(|| text.parse().ok()).flatten()
}

fn listen(v: &Variables) -> Result<SocketAddr, InvalidSetting> {
    const PORT: &str = "a port from 0 to 65535 (0: any that is free)";
    let address = parsed(
        "ROCKET_ADDRESS",
        &v.rocket_address,
        |address| address.parse().ok(),
        "an IP address, such as 127.0.0.1, 0.0.0.0 or ::",
    )?;
    let port = match number("ROCKET_PORT", &v.rocket_port, 0..=65_535, PORT)? {
        Some(port) => Some(port),
        None => number("PORT", &v.port, 0..=65_535, PORT)?,
    };
    Ok(SocketAddr::new(address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), port.unwrap_or(8000)))
}

fn metrics_port(v: &Variables, listen: SocketAddr) -> Result<Option<u16>, InvalidSetting> {
    let parse = |port: &str| {
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_number)?;
        // Any two free ports differ.
        (port == 0 || port != listen.port()).then_some(port)
    };
    parsed(
        "ROLLCALL_METRICS_PORT",
        &v.rollcall_metrics_port,
        parse,
        "a port from 0 to 65535 (0: any that is free), and not that of the service",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Access, TokenHash};

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::from_env(variables.iter().map(|(n, v)| (n.into(), v.into())))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn without_variables_the_store_is_embedded() {
        let settings = settings(&[]).unwrap();
        assert!(
            matches!(settings.database, Database::Embedded(file) if file.to_str() == Some("rollcall.sqlite3"))
        );
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
        assert_eq!((settings.pool_size, settings.timeout), (10, Duration::from_secs(5)));
        assert!(settings.migrate_on_start);
    }

    #[test]
    fn any_one_of_five_variables_selects_postgresql() {
        for (name, value) in [
            ("DATABASE_NAME", "x"),
            ("DATABASE_USER", "x"),
            ("DATABASE_PASSWORD", ""),
            ("DATABASE_HOSTNAME", "x"),
            ("DATABASE_PORT", "6543"),
        ] {
            let settings = settings(&[(name, value), ("DATABASE_FILE", "x")]).unwrap();
            let Database::Postgres { primary: target, replica: None, app_role: None } =
                settings.database
            else {
                panic!("{name}")
            };
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
    fn a_replica_has_the_settings_of_the_primary() {
        let replica = |variables: &[_]| match settings(variables).unwrap().database {
            Database::Postgres { replica, .. } => replica.map(|r| (r.host, r.port, r.dbname)),
            Database::Embedded(_) => None,
        };
        let [name, read, port, read_port] = [
            ("DATABASE_NAME", "x"),
            ("DATABASE_READ_HOSTNAME", "b"),
            ("DATABASE_PORT", "5433"),
            ("DATABASE_READ_PORT", "5434"),
        ];
        assert_eq!(replica(&[name, read]), Some(("b".into(), 5432, "x".into())));
        assert_eq!(replica(&[name, read, port]), Some(("b".into(), 5433, "x".into())));
        assert_eq!(replica(&[name, read, port, read_port]), Some(("b".into(), 5434, "x".into())));
        assert_eq!(replica(&[name, read_port]), None);
        // It is not one of the five that select PostgreSQL.
        assert_eq!(replica(&[read]), None);
    }

    #[test]
    fn an_invalid_setting_is_reported_with_its_value_and_what_is_expected() {
        for (name, value, expected) in [
            ("DATABASE_NAME", "", "a database's name"),
            ("DATABASE_PORT", "0", "a port from 1 to 65535"),
            ("DATABASE_PORT", "+5432", "a port from 1 to 65535"),
            ("DATABASE_READ_HOSTNAME", "", "a host's name or address"),
            ("DATABASE_READ_PORT", "port", "a port from 1 to 65535"),
            ("DATABASE_APP_ROLE", "", "a role's name"),
            ("DATABASE_SSLMODE", "sometimes", "disable, allow"),
            ("DATABASE_SSLROOTCERT", "", "a file's path"),
            ("DATABASE_FILE", "", "a file's path"),
            ("DATABASE_FILE", ":memory:", "a file's path"),
            ("DATABASE_POOL_SIZE", "0", "a number from 1"),
            ("DATABASE_TIMEOUT_SECONDS", "1.5", "whole seconds"),
            ("ROLLCALL_TIMEZONE", "Manila", "an IANA time zone"),
            ("ROLLCALL_DAY_START", "5am", "a time of day"),
            ("ROLLCALL_MIGRATE_ON_START", "yes", "true or false"),
            ("ROLLCALL_ACCESS", "closed", "open or token"),
            ("ROLLCALL_ACCESS", "", "open or token"),
            ("ROLLCALL_METRICS_PORT", "", "a port from 0"),
            ("ROLLCALL_METRICS_PORT", "+9000", "a port from 0"),
            ("ROLLCALL_METRICS_PORT", "65536", "a port from 0"),
            ("ROLLCALL_METRICS_PORT", "8000", "a port from 0"),
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
    fn port_is_used_if_rocket_port_is_not_set() {
        let port = |variables: &[_]| settings(variables).unwrap().listen.port();
        assert_eq!(port(&[("PORT", "81")]), 81);
        assert_eq!(port(&[("PORT", "what"), ("ROCKET_PORT", "82")]), 82);
    }

    #[test]
    fn the_metrics_port_is_not_the_services() {
        let port = |variables: &[_]| settings(variables).map(|settings| settings.metrics_port);
        assert_eq!(port(&[]), Ok(None));
        assert_eq!(port(&[("ROLLCALL_METRICS_PORT", "9000")]), Ok(Some(9000)));
        for service in ["ROCKET_PORT", "PORT"] {
            let same = [(service, "9000"), ("ROLLCALL_METRICS_PORT", "9000")];
            assert!(port(&same).unwrap_err().ends_with("and not that of the service"));
            let free = [(service, "0"), ("ROLLCALL_METRICS_PORT", "0")];
            assert_eq!(port(&free), Ok(Some(0)));
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        use std::os::unix::ffi::OsStringExt;
        let secret = settings(&[("DATABASE_PASSWORD", "hunter2")]).unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
        for secret in ["DATABASE_PASSWORD", "ROLLCALL_ADMIN_TOKEN"] {
            let broken = OsString::from_vec(b"hunter2\xff".to_vec());
            let error = Settings::from_env([(secret.into(), broken)]).unwrap_err();
            let expected = "holds bytes that are not UTF-8; it must be text in UTF-8";
            assert_eq!(error.to_string(), format!("{secret} {expected}"));
        }
    }

    #[test]
    fn access_is_open_only_on_loopback_unless_it_is_set() {
        let access = |variables: &[_]| {
            let settings = settings(variables).unwrap();
            settings.access.of_service(settings.listen.ip()).map_err(|error| error.to_string())
        };
        for address in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(access(&[("ROCKET_ADDRESS", address)]), Ok(Access::Open), "{address}");
        }
        for address in ["0.0.0.0", "::", "10.0.0.7"] {
            let error = access(&[("ROCKET_ADDRESS", address)]).unwrap_err();
            for part in ["ROLLCALL_ACCESS", "open", "token"] {
                assert!(error.contains(part), "{error}");
            }
            assert_eq!(error.lines().count(), 1);
            for (value, set) in [("open", Access::Open), ("token", Access::Token)] {
                let variables = [("ROCKET_ADDRESS", address), ("ROLLCALL_ACCESS", value)];
                assert_eq!(access(&variables), Ok(set));
            }
        }
        assert_eq!(access(&[("ROLLCALL_ACCESS", "token")]), Ok(Access::Token));
    }

    #[test]
    fn the_admin_token_is_32_visible_characters_and_never_shown() {
        let secret = "s3cret-s3cret-s3cret-s3cret-s3cr";
        let settings_with = |token: &str| settings(&[("ROLLCALL_ADMIN_TOKEN", token)]);
        let good = settings_with(secret).unwrap();
        assert_eq!(good.access.admin_token, Some(TokenHash::of(secret.as_bytes())));
        assert!(!format!("{good:?}").contains("s3cret"));
        for bad in ["", &secret[1..], &secret.replace('-', " "), &secret.replace('-', "é")] {
            let error = settings_with(bad).unwrap_err();
            assert_eq!(
                error,
                "ROLLCALL_ADMIN_TOKEN is invalid and not shown; it must be 32 or more visible ASCII characters"
            );
        }
    }

    #[test]
    fn names_are_case_sensitive() {
        assert!(settings(&[("database_port", "x"), ("Port", "y"), ("PORTS", "z")]).is_ok());
    }
}
