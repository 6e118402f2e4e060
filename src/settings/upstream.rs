use std::path::{Path, PathBuf};

use chrono::TimeDelta;

use super::database::Database;
use super::proxy::ProxyVariables;
use super::variable::{InvalidSetting, Variables, number, parsed, secret, text};
use crate::gate::{Authorities, TokenSource, Upstream, UpstreamUrl};

const UPSTREAM: &str = "ROLLCALL_UPSTREAM";
const TOKEN: &str = "ROLLCALL_UPSTREAM_TOKEN";
const TOKEN_FILE: &str = "ROLLCALL_UPSTREAM_TOKEN_FILE";
const CA_FILE: &str = "ROLLCALL_UPSTREAM_CA_FILE";

/// Where a gate agent forwards to, as far as it was set.
#[derive(Debug)]
pub struct UpstreamSettings {
    url: Option<UpstreamUrl>,
    token: TokenSource,
    ca_file: Option<PathBuf>,
    proxy: Option<ureq::Proxy>,
    /// How long forwarded entries are kept.
    pub keep: TimeDelta,
}

impl UpstreamSettings {
    pub(super) fn read(v: &Variables, proxies: &ProxyVariables) -> Result<Self, InvalidSetting> {
        let url = url(&v.rollcall_upstream)?;
        let token = secret(
            TOKEN,
            &v.rollcall_upstream_token,
            |token| TokenSource::clean(token) == Some(token),
            "visible ASCII characters",
        )?;
        let token_file = text(TOKEN_FILE, &v.rollcall_upstream_token_file, "a file's path")?;
        let token = match (token, token_file) {
            (Some(_), Some(_)) => {
                let held = format!("is set, and so is {TOKEN}");
                return Err(InvalidSetting::new(TOKEN_FILE, held, "the only one of the two"));
            }
            (Some(token), None) => TokenSource::Set(token.to_owned()),
            (None, Some(file)) => TokenSource::File(file.into()),
            (None, None) => TokenSource::None,
        };
        let ca_file = text(CA_FILE, &v.rollcall_upstream_ca_file, "a file's path")?;
        let keep = number(
            "ROLLCALL_KEEP_DAYS",
            &v.rollcall_keep_days,
            1..=36_500,
            "a number of days from 1 to 36500",
        )?;
        let proxy = url.as_ref().map(|url| proxies.for_url(url)).transpose()?.flatten();
        let keep = TimeDelta::days(keep.unwrap_or(30));
        Ok(Self { url, token, ca_file: ca_file.map(PathBuf::from), proxy, keep })
    }

    /// The upstream of a service on `database`, with what its files hold; `None` if the service is not a
    /// gate agent.
    pub fn of_service(&self, database: &Database) -> Result<Option<Upstream>, InvalidSetting> {
        let Some(url) = &self.url else { return self.unused().map(|()| None) };
        if let Database::Postgres { .. } = database {
            return Err(InvalidSetting::new(
                UPSTREAM,
                "is set, and so is one of the variables that select PostgreSQL".into(),
                "set on a gate's own computer, whose store is a file, without DATABASE_NAME, \
                 DATABASE_USER, DATABASE_PASSWORD, DATABASE_HOSTNAME and DATABASE_PORT",
            ));
        }
        if let TokenSource::File(file) = &self.token {
            let cannot = |error| unusable(TOKEN_FILE, file, &format!("cannot be read: {error}"));
            self.token.check().map_err(cannot)?;
        }
        let authorities = match &self.ca_file {
            None => Authorities::Computer,
            Some(file) => {
                let pem = std::fs::read(file).map_err(|error| {
                    unusable(CA_FILE, file, &format!("cannot be read: {error}"))
                })?;
                Authorities::parse(&pem)
                    .ok_or_else(|| unusable(CA_FILE, file, "holds no valid certificate"))?
            }
        };
        let (url, token, proxy) = (url.clone(), self.token.clone(), self.proxy.clone());
        Ok(Some(Upstream { url, token, authorities, proxy }))
    }

    /// Refuses what only an agent has: without the upstream, nothing would be forwarded.
    fn unused(&self) -> Result<(), InvalidSetting> {
        let variable = match (&self.token, &self.ca_file) {
            (TokenSource::Set(_), _) => TOKEN,
            (TokenSource::File(_), _) => TOKEN_FILE,
            (TokenSource::None, Some(_)) => CA_FILE,
            (TokenSource::None, None) => return Ok(()),
        };
        let held = format!("is not set, although {variable} is");
        Err(InvalidSetting::new(UPSTREAM, held, "the base URL that a gate agent forwards to"))
    }
}

fn url(held: &Option<String>) -> Result<Option<UpstreamUrl>, InvalidSetting> {
    let expected = "a base URL with http or https, a host and perhaps a port from 1 to 65535, such as \
         https://rollcall.example.org, without user, password, query and fragment, and without the \
         path of a route such as /table/batch";
    match held {
        // It may hold a password.
        Some(held) if held.contains('@') => {
            Err(InvalidSetting::new(UPSTREAM, "is invalid and not shown".into(), expected))
        }
        held => parsed(UPSTREAM, held, |url| UpstreamUrl::parse(url).ok(), expected),
    }
}

fn unusable(variable: &str, file: &Path, why: &str) -> InvalidSetting {
    let expected = match variable {
        TOKEN_FILE => "a file that holds the token and nothing else",
        _ => "a file of certificates in PEM",
    };
    InvalidSetting::new(variable, format!("is {file:?}, which {why}"), expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    /// The upstream of a service, and whether the variables themselves are valid.
    fn upstream(variables: &[(&str, &str)]) -> Result<Option<Upstream>, String> {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let settings = Settings::from_env(environment).map_err(|error| error.to_string())?;
        settings.upstream.of_service(&settings.database).map_err(|error| error.to_string())
    }

    fn refused(variables: &[(&str, &str)]) -> String {
        let error = upstream(variables).unwrap_err();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    }

    const URL: (&str, &str) = ("ROLLCALL_UPSTREAM", "https://rollcall.example.org/");

    #[test]
    fn a_service_without_an_upstream_is_no_agent() {
        assert!(upstream(&[]).unwrap().is_none());
        assert!(upstream(&[("ROLLCALL_KEEP_DAYS", "7")]).unwrap().is_none());
        for (name, value) in [(TOKEN, "x"), (TOKEN_FILE, "x"), (CA_FILE, "x")] {
            let expected = format!("ROLLCALL_UPSTREAM is not set, although {name} is");
            assert!(refused(&[(name, value)]).starts_with(&expected));
        }
    }

    #[test]
    fn an_agent_has_a_url_and_a_token() {
        let upstream = upstream(&[URL, (TOKEN, "secret")]).unwrap().unwrap();
        assert_eq!(upstream.url.as_str(), "https://rollcall.example.org");
        assert!(!format!("{upstream:?}").contains("secret"));
    }

    #[test]
    fn an_agent_has_no_postgresql() {
        for name in
            ["NAME", "USER", "PASSWORD", "HOSTNAME", "PORT"].map(|n| format!("DATABASE_{n}"))
        {
            let error = refused(&[URL, (&name, "1")]);
            assert!(error.starts_with("ROLLCALL_UPSTREAM is set, and so is"), "{error}");
        }
        let others = [("DATABASE_FILE", "x"), ("DATABASE_READ_HOSTNAME", "x")];
        assert!(upstream(&[&[URL][..], &others].concat()).unwrap().is_some());
    }

    #[test]
    fn invalid_settings_are_refused_without_secrets() {
        for (variables, begin) in [
            (&[("ROLLCALL_UPSTREAM", "")][..], "ROLLCALL_UPSTREAM is \"\"; it must be a base URL"),
            (&[("ROLLCALL_UPSTREAM", "x")], "ROLLCALL_UPSTREAM is \"x\"; it must be a base URL"),
            (
                &[("ROLLCALL_UPSTREAM", "https://x:99999")],
                "ROLLCALL_UPSTREAM is \"https://x:99999\"; it must be a base URL with http or https, a \
                 host and perhaps a port from 1 to 65535",
            ),
            (
                &[("ROLLCALL_UPSTREAM", "https://x/table/batch")],
                "ROLLCALL_UPSTREAM is \"https://x/table/batch\"; it must be a base URL",
            ),
            (&[("ROLLCALL_UPSTREAM", "http://a:secret@b")], "ROLLCALL_UPSTREAM is invalid and not"),
            (&[URL, (TOKEN, "")], "ROLLCALL_UPSTREAM_TOKEN is invalid and not shown"),
            (&[URL, (TOKEN, "sec ret")], "ROLLCALL_UPSTREAM_TOKEN is invalid and not shown"),
            (
                &[URL, (TOKEN, "a"), (TOKEN_FILE, "b")],
                "ROLLCALL_UPSTREAM_TOKEN_FILE is set, and so",
            ),
            (&[URL, (TOKEN_FILE, "")], "ROLLCALL_UPSTREAM_TOKEN_FILE is \"\"; it must be a file"),
            (
                &[URL, (TOKEN_FILE, "/nowhere/x")],
                "ROLLCALL_UPSTREAM_TOKEN_FILE is \"/nowhere/x\", which",
            ),
            (&[URL, (CA_FILE, "/nowhere/x")], "ROLLCALL_UPSTREAM_CA_FILE is \"/nowhere/x\", which"),
            (
                &[URL, (CA_FILE, "/dev/null")],
                "ROLLCALL_UPSTREAM_CA_FILE is \"/dev/null\", which holds no",
            ),
            (&[("ROLLCALL_KEEP_DAYS", "0")], "ROLLCALL_KEEP_DAYS is \"0\"; it must be a number"),
            (&[URL, ("https_proxy", "x://secret")], "HTTPS_PROXY is invalid and not shown"),
        ] {
            let error = refused(variables);
            assert!(error.starts_with(begin), "{error}");
            assert!(!error.contains("secret") && !error.contains("sec ret"), "{error}");
        }
    }
}
