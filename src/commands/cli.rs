use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::console::eprint_line;
use super::signals::end_at_signals;
use super::stores::{open, open_for_use};
use super::waiting::Wait;
use super::{copy, erase, healthcheck, import, migrate, serve, token, wait_for_schema};
use crate::settings::{InvalidSetting, Misspelt, Settings, misspelt};

/// Records who passed which gate, and serves the complete attendance sheet of a day.
///
/// Settings are environment variables. If one of DATABASE_NAME, DATABASE_USER, DATABASE_PASSWORD,
/// DATABASE_HOSTNAME and DATABASE_PORT is set, the store is PostgreSQL; if none is, it is the file
/// that DATABASE_FILE names (rollcall.sqlite3). README.md lists all of them.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve requests until SIGTERM or SIGINT (the default)
    ///
    /// Then /readyz turns to 503, requests in flight are answered, and queued entries are committed.
    Serve,
    /// Bring the store's schema up to date
    ///
    /// Waits for the database, applies the missing migrations, and lists them. Any number may run at
    /// once. Does nothing if the schema is current, or ahead of this release.
    Migrate(migrate::Options),
    /// Wait until every migration of this release is applied
    ///
    /// For an init container: exit status 1, with the reason, after the timeout.
    WaitForSchema(Wait),
    /// Ask the local server's /readyz: exit status 0 if it is ready, else 1
    Healthcheck(healthcheck::Options),
    /// Copy an embedded store's file to the PostgreSQL database that the settings name
    ///
    /// Amendments and erasures are copied too. What is there already stays as it is, so it can be
    /// interrupted and run again. Exit status 1 if the database holds another entry under the same
    /// entry_id. Erasures need the role that owns the tables.
    Copy(copy::Options),
    /// Erase names, badge numbers and reasons for good; moments and gates stay
    ///
    /// Also erases what the entries replaced and what replaced them. On PostgreSQL it needs the role
    /// that owns the tables. It can run beside the service, and be interrupted and run again.
    Erase(erase::Options),
    /// Record the entries of a CSV file, or of a file with one JSON object on each line
    ///
    /// Rows that are stored already change nothing, so it can be interrupted and run again. Refused
    /// rows go to FILE.refused.csv or FILE.refused.ndjson, with the reasons: exit status 1. Exit
    /// status 2 if a column is missing.
    Import(import::Options),
    /// Make, list and revoke the tokens with which clients send requests
    Token(token::Options),
}

/// Runs the command that `arguments` name. The exit status is 2 for invalid arguments or settings,
/// and 1 for any other failure.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    // Sets OpenSSL up so that it frees nothing when the process ends: threads that are connecting to
    // the database at that moment still use it, and would crash.
    openssl_sys::init();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(message) => {
            // If this fails there is nowhere to report it.
            let _ = message.print();
            return ExitCode::from(message.exit_code() as u8);
        }
    };
    let environment: Vec<_> = environment.into_iter().collect();
    let misspelt = misspelt(environment.iter().map(|(name, _)| name.as_os_str()));
    let settings = match Settings::from_env(environment) {
        Ok(settings) => settings,
        Err(error) => return invalid_setting(&error, &misspelt),
    };
    let command = cli.command.unwrap_or(Command::Serve);
    if !matches!(command, Command::Serve) {
        warn(&misspelt);
        if let Err(error) = end_at_signals() {
            eprint_line(&format!("rollcall: cannot wait for signals: {error}"));
            return ExitCode::FAILURE;
        }
    }
    let done = match command {
        Command::Serve => {
            let access = settings.access.of_service(settings.listen.ip());
            let upstream = settings.upstream.of_service(&settings.database);
            match access.and_then(|access| Ok((access, upstream?))) {
                Ok((access, upstream)) => serve::serve(settings, access, upstream, &misspelt),
                Err(error) => return invalid_setting(&error, &misspelt),
            }
        }
        Command::Migrate(options) => {
            migrate::migrate(&*open(&settings, options.wait.limit(settings.timeout)), options)
        }
        Command::WaitForSchema(wait) => {
            wait_for_schema::wait(&*open(&settings, wait.limit(settings.timeout)), wait)
        }
        Command::Healthcheck(options) => healthcheck::check(settings.listen, options),
        Command::Copy(options) => copy::copy(&settings, options),
        Command::Erase(options) => {
            erase::erase(&*open(&settings, settings.timeout), &settings.site, options)
        }
        Command::Import(options) => import::import(&settings, options),
        Command::Token(options) => open_for_use(&settings, settings.timeout)
            .and_then(|store| token::token(&*store, options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprint_line(&format!("rollcall: {reason}"));
            ExitCode::from(reason.status())
        }
    }
}

/// Warns of misspelt settings; `serve` does that in its log.
fn warn(misspelt: &[Misspelt]) {
    for setting in misspelt {
        eprint_line(&format!("rollcall: warning: {setting}"));
    }
}

/// A setting that is missing may be misspelt, so that is reported too.
fn invalid_setting(error: &InvalidSetting, misspelt: &[Misspelt]) -> ExitCode {
    warn(misspelt);
    eprint_line(&format!("rollcall: {error}"));
    ExitCode::from(2)
}
