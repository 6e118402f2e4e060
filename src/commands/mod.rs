//! What `rollcall` can do, a file each.

mod copy;
mod healthcheck;
mod migrate;
mod serve;
mod signals;
mod wait_for_schema;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};

use self::signals::end_at_signals;
use crate::settings::{Database, Settings};
use crate::store::{PostgresStore, SqliteStore, Store, StoreError};

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
    /// Then /readyz turns to 503, what is in flight is finished, and what is queued is committed.
    Serve,
    /// Bring the store's schema up to date
    ///
    /// Waits for the database, applies the migrations that are missing, and says which. Any number
    /// may run at once. Does nothing where the schema is current, or ahead of this release.
    Migrate(migrate::Options),
    /// Wait until every migration of this release is applied
    ///
    /// For an init container: exit status 1, with the reason, if the time runs out.
    WaitForSchema(Patience),
    /// Ask the local server's /readyz: exit status 0 if it is ready, else 1
    Healthcheck(healthcheck::Options),
    /// Copy an embedded store's file to the PostgreSQL database that the settings name
    ///
    /// What is there already is left as it is, so it can be interrupted and run again. Exit status
    /// 1 if the database holds another entry under the same entry_id.
    Copy(copy::Options),
}

/// How long a command waits.
#[derive(Args, Clone, Copy)]
struct Patience {
    /// How long to wait, in whole seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
}

impl Patience {
    /// How long a single try may take, if it may take `timeout` at most.
    fn limit(self, timeout: Duration) -> Duration {
        timeout.min(Duration::from_secs(self.timeout.max(1)))
    }

    fn deadline(self) -> Instant {
        // A longer wait than a century is no different from one.
        Instant::now() + Duration::from_secs(self.timeout.min(3_000_000_000))
    }
}

/// Runs the command that `arguments` name; the exit status is 2 for wrong arguments or settings
/// and 1 for any other failure.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(message) => {
            // Nobody is left to tell if this fails.
            let _ = message.print();
            return ExitCode::from(message.exit_code() as u8);
        }
    };
    let settings = match Settings::from_env(environment) {
        Ok(settings) => settings,
        Err(error) => {
            complain(&format!("rollcall: {error}"));
            return ExitCode::from(2);
        }
    };
    let command = cli.command.unwrap_or(Command::Serve);
    if !matches!(command, Command::Serve)
        && let Err(error) = end_at_signals()
    {
        complain(&format!("rollcall: cannot wait for signals: {error}"));
        return ExitCode::FAILURE;
    }
    let done = match command {
        Command::Serve => serve::serve(settings),
        Command::Migrate(options) => {
            migrate::migrate(&*open(&settings, options.patience.limit(settings.timeout)), options)
        }
        Command::WaitForSchema(patience) => {
            wait_for_schema::wait(&*open(&settings, patience.limit(settings.timeout)), patience)
        }
        Command::Healthcheck(options) => healthcheck::check(settings.listen, options),
        Command::Copy(options) => copy::copy(&settings, options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(reason)) => {
            // libpq's reasons have several lines, and a peer's answer may hold anything.
            let words = reason.split(|c: char| c.is_whitespace() || c.is_control());
            let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            complain(&format!("rollcall: {line}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard output. That nobody reads it any more is no reason to break off.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Writes a line to standard error, as [`say`] does.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Why a command failed, as one line for a person.
struct Failure(String);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// The store that the settings name. Nothing is connected or opened yet.
fn open(settings: &Settings, timeout: Duration) -> Arc<dyn Store> {
    match &settings.database {
        Database::Postgres { primary, .. } => {
            Arc::new(PostgresStore::new(primary.clone(), settings.pool_size, timeout))
        }
        Database::Embedded(file) => {
            Arc::new(SqliteStore::new(file.clone(), settings.pool_size, timeout))
        }
    }
}

/// The replica that the settings name, if they name one.
fn open_replica(settings: &Settings, timeout: Duration) -> Option<Arc<dyn Store>> {
    match &settings.database {
        Database::Postgres { replica: Some(replica), .. } => {
            Some(Arc::new(PostgresStore::new(*replica.clone(), settings.pool_size, timeout)))
        }
        _ => None,
    }
}

/// Tries every half second, until it succeeds, fails for good, or the time runs out.
///
/// `attempt` gives `Err(Ok(reason))` where waiting may help; `say` is handed each new reason once.
fn wait_until<T>(
    deadline: Instant,
    say: impl Fn(&str),
    mut attempt: impl FnMut() -> Result<T, Result<String, Failure>>,
) -> Result<T, Failure> {
    const PAUSE: Duration = Duration::from_millis(500);
    let mut said = String::new();
    loop {
        let reason = match attempt() {
            Ok(value) => return Ok(value),
            Err(Err(failure)) => return Err(failure),
            Err(Ok(reason)) => reason,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure(format!("gave up waiting: {reason}")));
        }
        if said != reason {
            say(&format!("waiting up to {} s more: {reason}", left.as_secs() + 1));
            said = reason;
        }
        std::thread::sleep(PAUSE.min(left));
    }
}
