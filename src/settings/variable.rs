use std::ffi::OsString;
use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::domain::Token;

macro_rules! variables {
    ($(pub $name:ident: Option<String>,)*) => {
        /// The variables as envy reads them, all as text: the errors are our own, so that none of
        /// them shows a value that must not be shown.
        #[derive(Deserialize)]
        pub(super) struct Variables {
            $(pub $name: Option<String>,)*
        }

        /// The names of all variables, in lower case.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

variables! {
    pub database_name: Option<String>,
    pub database_user: Option<String>,
    pub database_password: Option<String>,
    pub database_hostname: Option<String>,
    pub database_port: Option<String>,
    pub database_read_hostname: Option<String>,
    pub database_read_port: Option<String>,
    pub database_app_role: Option<String>,
    pub database_file: Option<String>,
    pub database_sslmode: Option<String>,
    pub database_sslrootcert: Option<String>,
    pub database_pool_size: Option<String>,
    pub database_timeout_seconds: Option<String>,
    pub rollcall_timezone: Option<String>,
    pub rollcall_day_start: Option<String>,
    pub rollcall_migrate_on_start: Option<String>,
    pub rollcall_access: Option<String>,
    pub rollcall_admin_token: Option<String>,
    pub rollcall_metrics_port: Option<String>,
    pub rollcall_upstream: Option<String>,
    pub rollcall_upstream_token: Option<String>,
    pub rollcall_upstream_token_file: Option<String>,
    pub rollcall_upstream_ca_file: Option<String>,
    pub rollcall_keep_days: Option<String>,
    pub rollcall_log: Option<String>,
    pub rollcall_log_format: Option<String>,
    pub rocket_address: Option<String>,
    pub rocket_port: Option<String>,
    pub port: Option<String>,
}

/// An invalid variable, in one line: its name, its value, and what is expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {held}; it must be {expected}")]
pub struct InvalidSetting {
    variable: String,
    held: String,
    expected: &'static str,
}

impl InvalidSetting {
    pub(super) fn new(variable: &str, held: String, expected: &'static str) -> Self {
        Self { variable: variable.into(), held, expected }
    }
}

impl Variables {
    /// Names are case-sensitive, as everywhere on Unix; envy alone would ignore case.
    pub(super) fn read(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, InvalidSetting> {
        let mut ours = Vec::new();
        for (name, value) in environment {
            let Ok(name) = name.into_string() else { continue };
            let is_ours = name == "PORT"
                || ["DATABASE_", "ROLLCALL_", "ROCKET_"].iter().any(|p| name.starts_with(p));
            if !is_ours || name.bytes().any(|byte| byte.is_ascii_lowercase()) {
                continue;
            }
            match value.into_string() {
                Ok(value) => ours.push((name, value)),
                Err(value) => {
                    let held = match name.as_str() {
                        "DATABASE_PASSWORD"
                        | "ROLLCALL_ADMIN_TOKEN"
                        | "ROLLCALL_UPSTREAM_TOKEN" => "holds bytes that are not UTF-8".into(),
                        _ => format!("{}, which is not UTF-8", shown(&value.to_string_lossy())),
                    };
                    return Err(InvalidSetting { variable: name, held, expected: "text in UTF-8" });
                }
            }
        }
        envy::from_iter(ours).map_err(|error| InvalidSetting {
            variable: "the environment".into(),
            held: format!("cannot be read ({error})"),
            expected: "plain text",
        })
    }
}

/// The parsed variable, if it is set.
pub(super) fn parsed<T>(
    variable: &str,
    held: &Option<String>,
    parse: impl FnOnce(&str) -> Option<T>,
    expected: &'static str,
) -> Result<Option<T>, InvalidSetting> {
    let Some(held) = held else { return Ok(None) };
    parse(held).map(Some).ok_or_else(|| InvalidSetting::new(variable, shown(held), expected))
}

/// What an invalid variable held. A token may be in the wrong variable, so it is never shown.
fn shown(held: &str) -> String {
    match Token::is_within(held) {
        true => "holds what looks like a token and is not shown".into(),
        false => format!("is {held:?}"),
    }
}

/// The variable, if it is set. An error does not show its value.
pub(super) fn secret<'a>(
    variable: &str,
    held: &'a Option<String>,
    is_valid: impl FnOnce(&str) -> bool,
    expected: &'static str,
) -> Result<Option<&'a str>, InvalidSetting> {
    match held {
        Some(held) if !is_valid(held) => {
            Err(InvalidSetting::new(variable, "is invalid and not shown".into(), expected))
        }
        held => Ok(held.as_deref()),
    }
}

/// Any text but an empty one.
pub(super) fn text(
    variable: &str,
    held: &Option<String>,
    expected: &'static str,
) -> Result<Option<String>, InvalidSetting> {
    parsed(variable, held, |held| (!held.is_empty()).then(|| held.to_owned()), expected)
}

/// A whole number in plain digits, within bounds.
pub(super) fn number<T: TryFrom<u32>>(
    variable: &str,
    held: &Option<String>,
    bounds: RangeInclusive<u32>,
    expected: &'static str,
) -> Result<Option<T>, InvalidSetting> {
    let parse = |held: &str| {
        let digits = held.bytes().all(|byte| byte.is_ascii_digit());
        let number = held.parse().ok().filter(|number| digits && bounds.contains(number))?;
        T::try_from(number).ok()
    };
    parsed(variable, held, parse, expected)
}

/// The value of one of the words in `choices`.
pub(super) fn one_of<T: Copy>(
    variable: &str,
    held: &Option<String>,
    choices: &[(&str, T)],
    expected: &'static str,
) -> Result<Option<T>, InvalidSetting> {
    let find = |held: &str| choices.iter().find(|(word, _)| *word == held).map(|&(_, value)| value);
    parsed(variable, held, find, expected)
}
