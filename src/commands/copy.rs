use std::path::PathBuf;

use clap::Args;

use super::console::print_line;
use super::copying::{Copying, Outcomes, Tally};
use super::failure::Failure;
use super::progress::Progress;
use super::stores::open;
use crate::domain::ALL_MOMENTS;
use crate::error_chain::ErrorChain;
use crate::settings::{Database, Settings};
use crate::store::{Changes, Entries, SqliteStore, Versioned};

/// How many changes are read at once.
const PORTION: u16 = 1_000;

#[derive(Args)]
pub(super) struct Options {
    /// The embedded store's file
    #[arg(long, value_name = "FILE")]
    from_file: PathBuf,
}

/// Makes every change of the file in the PostgreSQL database that `settings` name, in order. Changes that are there already stay as they are, so this can be interrupted and run again.
pub(super) fn copy(settings: &Settings, options: Options) -> Result<(), Failure> {
    if let Database::Embedded(_) = settings.database {
        return Err(Failure::new(
            "there is no PostgreSQL database to copy to: set DATABASE_HOSTNAME and the others",
        ));
    }
    let file = options.from_file;
    if !file.is_file() {
        return Err(Failure::new(format!("there is no file {}", file.display())));
    }
    let source = SqliteStore::read_only(file.clone(), 1, settings.timeout);
    source.schema()?.require().map_err(|error| {
        let file = file.display();
        Failure::new(format!(
            "{}: is {file} the file of an embedded store? If so, run rollcall migrate first, with \
             DATABASE_FILE and no other database set",
            ErrorChain(&error)
        ))
    })?;
    let target = open(settings, settings.timeout);
    target.schema()?.require()?;

    let progress = Progress::of(source.count(ALL_MOMENTS)?);
    let mut copying = Copying::start(&source, &*target, progress)?;
    let mut after = 0;
    loop {
        let changes = source.changes(after, i64::MAX, PORTION)?;
        let Some(last) = changes.last() else { break };
        after = last.number();
        changes.into_iter().try_for_each(|change| copying.take(change))?;
    }
    let tally = copying.finish()?;
    report(&tally, &file.display().to_string(), target.count(ALL_MOMENTS)?)
}

fn report(tally: &Tally, file: &str, in_database: u64) -> Result<(), Failure> {
    let Tally { entries, amendments, erasures } = tally;
    let outcomes =
        |of: &Outcomes| format!("{} copied, {} there before", of.copied, of.there_before);
    print_line(&format!("{file} holds {} entries: {}", entries.total(), outcomes(entries)));
    for (name, of) in [("amendments", amendments), ("erasures", erasures)] {
        if of.total() > 0 {
            print_line(&format!("and {} {name}: {}", of.total(), outcomes(of)));
        }
    }
    print_line(&format!("the database holds {in_database} entries"));
    match entries.different + amendments.different + erasures.different {
        0 => Ok(()),
        different => Err(Failure::new(format!(
            "not copied: {different}, because the database holds another entry under the same \
             entry_id, or another amendment"
        ))),
    }
}
