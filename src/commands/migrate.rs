use std::time::Instant;

use clap::Args;

use super::{Failure, Patience, say, wait_until};
use crate::store::{MigrationState, SchemaState, Store, StoreError};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) patience: Patience,
    /// Only list the migrations and the state of each; change nothing
    #[arg(long)]
    list: bool,
}

pub(super) fn migrate(store: &dyn Store, options: Options) -> Result<(), Failure> {
    let deadline = options.patience.deadline();
    match options.list {
        true => list(store, deadline),
        false => bring_up_to_date(store, deadline, say),
    }
}

/// Waits for the store, migrates it, and hands `say` a line about each thing that was done.
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
    let version = schema.last_applied().unwrap_or("no version");
    say(&match schema.state() {
        SchemaState::Current => format!("the schema is current: {version}"),
        SchemaState::Ahead => format!("the schema is ahead of this release: {version}"),
        SchemaState::Behind => {
            return Err(Failure(
                "the schema is still behind: somebody is undoing migrations".into(),
            ));
        }
    });
    Ok(())
}

fn list(store: &dyn Store, deadline: Instant) -> Result<(), Failure> {
    let schema = wait_until(deadline, say, || store.schema().map_err(waiting_may_help))?;
    for (migration, state) in schema.list() {
        let state = match state {
            MigrationState::Applied => "applied",
            MigrationState::Missing => "missing",
            MigrationState::Unknown => "applied by a newer release",
        };
        say(&format!("{}  {state}", migration.name));
    }
    Ok(())
}

/// A store that cannot be reached may come yet; anything else will not change by itself.
fn waiting_may_help(error: StoreError) -> Result<String, Failure> {
    match error {
        StoreError::Unreachable(reason) => Ok(reason),
        error => Err(error.into()),
    }
}
