use std::time::Instant;

use clap::Args;

use super::console::print_line;
use super::failure::Failure;
use super::waiting::{Unsuccessful, Wait, wait_until};
use crate::error_chain::ErrorChain;
use crate::store::{MigrationState, SchemaState, Store, StoreError};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) wait: Wait,
    /// Only list the migrations and the state of each; change nothing
    #[arg(long)]
    list: bool,
}

pub(super) fn migrate(store: &dyn Store, options: Options) -> Result<(), Failure> {
    let deadline = options.wait.deadline();
    match options.list {
        true => list(store, deadline),
        false => bring_up_to_date(store, deadline, print_line),
    }
}

/// Waits for the store and migrates it. `say` is called with a line for each step.
pub(super) fn bring_up_to_date(
    store: &dyn Store,
    deadline: Instant,
    say: impl Fn(&str),
) -> Result<(), Failure> {
    wait_until(deadline, &say, || {
        store
            .migrate(deadline, &mut |name| say(&format!("applied {name}")))
            .map_err(waiting_may_help)
    })?;
    let schema = store.schema()?;
    if let Some(role) = store.app_role()
        && schema.state() == SchemaState::Current
    {
        say(&format!("the role {role} has the privileges that the service needs"));
    }
    let version = schema.last_applied().unwrap_or("no version");
    say(&match schema.state() {
        SchemaState::Current => format!("the schema is current: {version}"),
        SchemaState::Ahead => format!("the schema is ahead of this release: {version}"),
        SchemaState::Behind => {
            return Err(Failure::new("the schema is still behind: migrations are being reverted"));
        }
    });
    Ok(())
}

fn list(store: &dyn Store, deadline: Instant) -> Result<(), Failure> {
    let schema = wait_until(deadline, print_line, || store.schema().map_err(waiting_may_help))?;
    for (migration, state) in schema.list() {
        let state = match state {
            MigrationState::Applied => "applied",
            MigrationState::Missing => "missing",
            MigrationState::Unknown => "applied by a newer release",
        };
        print_line(&format!("{}  {state}", migration.name));
    }
    Ok(())
}

/// A store that cannot be reached may start yet; any other error stays.
fn waiting_may_help(error: StoreError) -> Unsuccessful {
    match error {
        StoreError::Unreachable(_) => Unsuccessful::NotYet(ErrorChain(&error).to_string()),
        error => Unsuccessful::Failed(error.into()),
    }
}
