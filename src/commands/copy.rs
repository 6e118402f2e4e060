use std::path::PathBuf;

use clap::Args;

use super::console::print_line;
use super::failure::Failure;
use super::progress::Progress;
use super::stores::open;
use crate::domain::{ALL_MOMENTS, Passage};
use crate::error_chain::ErrorChain;
use crate::settings::{Database, Settings};
use crate::store::{Entries, Recorder, SqliteStore, StoreError, Stored, Versioned};

/// How many entries are committed together.
const BATCH: usize = 1_000;

#[derive(Args)]
pub(super) struct Options {
    /// The embedded store's file
    #[arg(long, value_name = "FILE")]
    from_file: PathBuf,
}

/// Records every entry of the file in the PostgreSQL database that `settings` name, by ascending id.
/// Entries that are there already stay as they are, so this can be interrupted and run again.
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
    target
        .schema()?
        .require()
        .map_err(|error| Failure::new(format!("{error}; run rollcall migrate first")))?;

    let progress = Progress::of(source.count(ALL_MOMENTS)?);
    let mut copying = Copying { recorder: target.recorder()?, batch: Vec::new(), progress };
    let mut tally = Tally::default();
    source.each_entry(&ALL_MOMENTS.into(), &mut |entry| {
        copying.batch.push(entry.passage);
        match copying.batch.len() {
            BATCH => copying.commit(&mut tally),
            _ => Ok(()),
        }
    })?;
    copying.commit(&mut tally)?;
    copying.progress.finish();
    tally.report(&file.display().to_string(), target.count(ALL_MOMENTS)?)
}

/// The numbers of entries so far, by their outcome.
#[derive(Default)]
struct Tally {
    copied: u64,
    there_before: u64,
    different: u64,
}

impl Tally {
    fn report(&self, file: &str, in_database: u64) -> Result<(), Failure> {
        let Self { copied, there_before, different } = self;
        let total = copied + there_before + different;
        print_line(&format!(
            "{file} holds {total} entries: {copied} copied, {there_before} there before"
        ));
        print_line(&format!("the database holds {in_database} entries"));
        match different {
            0 => Ok(()),
            _ => Err(Failure::new(format!(
                "not copied: {different}, because the database holds another entry under the same \
                 entry_id"
            ))),
        }
    }
}

/// The connection to the database, and the entries that are recorded next.
struct Copying {
    recorder: Box<dyn Recorder>,
    batch: Vec<Passage>,
    progress: Progress,
}

impl Copying {
    /// Commits the batch, if there is one, and counts it.
    fn commit(&mut self, tally: &mut Tally) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let stored = self.recorder.record(&self.batch.iter().collect::<Vec<_>>())?;
        for (stored, passage) in stored.iter().zip(&self.batch) {
            match stored {
                Stored::Created(_) => tally.copied += 1,
                Stored::Erased(_) => tally.there_before += 1,
                Stored::Before(entry) if entry.passage.is_repeated_by(passage) => {
                    tally.there_before += 1;
                }
                Stored::Before(_) => {
                    tally.different += 1;
                    let id = passage.entry_id;
                    self.progress.say(&format!("the database holds another entry {id}"));
                }
            }
        }
        self.progress.advance(self.batch.len());
        self.batch.clear();
        Ok(())
    }
}
