use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, complain, open, say};
use crate::domain::{ALL_MOMENTS, Entry, NewEntry};
use crate::settings::{Database, Settings};
use crate::store::{Recorder, SqliteStore, Store, StoreError};

/// How many entries are committed at once.
const BATCH: usize = 1_000;

#[derive(Args)]
pub(super) struct Options {
    /// The embedded store's file
    #[arg(long, value_name = "FILE")]
    from_file: PathBuf,
}

/// Records every entry of the file in the PostgreSQL database that `settings` name, oldest first.
/// What is there already is left as it is, so this can be interrupted and run again.
pub(super) fn copy(settings: &Settings, options: Options) -> Result<(), Failure> {
    if let Database::Embedded(_) = settings.database {
        return Err(Failure(
            "no PostgreSQL database to copy to is named: set DATABASE_HOSTNAME and its like".into(),
        ));
    }
    let file = options.from_file;
    if !file.is_file() {
        return Err(Failure(format!("there is no file {}", file.display())));
    }
    let source = SqliteStore::read_only(file.clone(), 1, settings.timeout);
    source.schema()?.require().map_err(|error| {
        let file = file.display();
        Failure(format!(
            "{error}: is {file} an embedded store's file? If so, bring it up to date first, by \
             rollcall migrate with DATABASE_FILE and no other database set"
        ))
    })?;
    let target = open(settings, settings.timeout);
    target
        .schema()?
        .require()
        .map_err(|error| Failure(format!("{error}; run rollcall migrate first")))?;

    let progress = Progress::of(source.count(ALL_MOMENTS)?);
    let mut copying = Copying { recorder: target.recorder()?, batch: Vec::new(), progress };
    let mut tally = Tally::default();
    source.each_entry(ALL_MOMENTS, &mut |entry| {
        copying.batch.push(recordable(entry)?);
        match copying.batch.len() {
            BATCH => copying.commit(&mut tally),
            _ => Ok(()),
        }
    })?;
    copying.commit(&mut tally)?;
    copying.progress.finish();
    tally.tell(&file.display().to_string(), target.count(ALL_MOMENTS)?)
}

/// What became of the entries so far.
#[derive(Default)]
struct Tally {
    copied: u64,
    there_before: u64,
    different: u64,
}

impl Tally {
    fn tell(&self, file: &str, in_database: u64) -> Result<(), Failure> {
        let Self { copied, there_before, different } = self;
        let total = copied + there_before + different;
        say(&format!("{file} holds {total} entries: {copied} copied, {there_before} there before"));
        say(&format!("the database holds {in_database} entries"));
        match different {
            0 => Ok(()),
            _ => Err(Failure(format!(
                "not copied: {different}, because the database holds another entry under the same \
                 entry_id"
            ))),
        }
    }
}

/// The way into the database, and what is waiting for it.
struct Copying {
    recorder: Box<dyn Recorder>,
    batch: Vec<NewEntry>,
    progress: Progress,
}

impl Copying {
    /// Commits the batch, if there is one, and counts it.
    fn commit(&mut self, tally: &mut Tally) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let held = self.recorder.record(&self.batch.iter().collect::<Vec<_>>())?;
        for (held, new) in held.iter().zip(&self.batch) {
            if held.created {
                tally.copied += 1;
            } else if held.entry.is_replayed_by(new) {
                tally.there_before += 1;
            } else {
                tally.different += 1;
                self.progress.say(&format!("the database holds another entry {}", new.entry_id));
            }
        }
        self.progress.advance(self.batch.len());
        self.batch.clear();
        Ok(())
    }
}

/// A stored entry as one to be recorded elsewhere.
fn recordable(entry: Entry) -> Result<NewEntry, StoreError> {
    let id = entry.id;
    NewEntry::try_from(entry)
        .map_err(|error| StoreError::Defect(format!("the row with id {id}: {error}")))
}

/// How far the work is: a bar on a terminal, else a line for each tenth.
struct Progress(ProgressBar);

impl Progress {
    fn of(total: u64) -> Self {
        // The bar has no tick while a batch is on its way; its template is ours and is well-formed.
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} entries, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    fn advance(&self, entries: usize) {
        // There may be more than were counted at first, if gates go on posting.
        let total = self.0.length().unwrap_or(0).max(self.0.position() + entries as u64);
        let tenth = |done: u64| (done * 10).checked_div(total);
        let before = self.0.position();
        self.0.inc(entries as u64);
        if !std::io::stderr().is_terminal() && tenth(before) != tenth(self.0.position()) {
            complain(&format!("{} of {total} entries", self.0.position()));
        }
    }

    /// Says something beside the bar.
    fn say(&self, line: &str) {
        self.0.suspend(|| complain(line));
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}
