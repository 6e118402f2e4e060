use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::console::{eprint_line, print_line};
use super::failure::Failure;
use super::import_file::{FileRow, ImportFile};
use super::import_record::{Importing, Outcome};
use super::import_refused::RefusedRows;
use super::progress::Progress;
use super::stores::{open, open_for_use};
use crate::domain::{Clock, Imported, InvalidSubmission, parse_imported};
use crate::settings::Settings;

/// How many rows are committed together.
const BATCH: usize = 1_000;

/// The length from which a batch of long rows is committed sooner, in bytes.
const BATCH_LENGTH: usize = 4 * 1024 * 1024;

/// How long a batch may wait for the store, at least: no client waits for it, and a busy store is no
/// reason to give up.
const MIN_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(super) struct Options {
    /// A CSV file, or one JSON object on each line; - reads from standard input
    file: PathBuf,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Records the rows of a file that are not in the store yet.
pub(super) fn import(settings: &Settings, options: Options) -> Result<(), Failure> {
    let is_stdin = options.file.as_os_str() == "-";
    let shown = options.file.display().to_string();
    let cannot_read = |error: io::Error| Failure::of(&format!("cannot read {shown}"), &error);
    let (input, progress): (Box<dyn Read>, _) = match is_stdin {
        true => (Box::new(io::stdin()), None),
        false => {
            let file = File::open(&options.file).map_err(cannot_read)?;
            let length = file.metadata().map_err(cannot_read)?.len();
            (Box::new(file), Some(Progress::of_bytes(length)))
        }
    };
    let mut file = ImportFile::open(input)?;
    // With the shorter timeout, so that a wrong address is noticed soon.
    open_for_use(settings, settings.timeout)?.schema()?.require()?;
    let timeout = settings.timeout.max(MIN_TIMEOUT);
    let store = open(settings, timeout);
    let mut importing = Importing::start(store, options.dry_run, timeout)?;
    let mut refused = RefusedRows::beside(if is_stdin { "stdin".into() } else { options.file });
    let mut tally = Tally::default();
    let clock = Clock::system();
    let mut batch: Vec<(FileRow, Imported)> = Vec::new();
    let mut length = 0;
    loop {
        let row = file.next_row()?;
        let is_last = row.is_none();
        if let Some(row) = row {
            let parsed = row.json.as_deref().map_err(|reason| vec![(*reason).to_owned()]);
            let parsed = parsed.and_then(|json| {
                parse_imported(json, &settings.site, clock.now()).map_err(reasons)
            });
            match parsed {
                Ok(imported) => {
                    length += row.raw.length();
                    batch.push((row, imported));
                }
                Err(reasons) => {
                    tally.refused += 1;
                    refused.add(&file, &row, &reasons);
                }
            }
        }
        if is_last || batch.len() == BATCH || length >= BATCH_LENGTH {
            let rows: Vec<_> = batch.iter().map(|(_, imported)| imported).collect();
            for ((row, _), outcome) in batch.iter().zip(importing.record(&rows)?) {
                match outcome {
                    Outcome::Recorded => tally.recorded += 1,
                    Outcome::ThereBefore => tally.there_before += 1,
                    Outcome::Refused(reason) => {
                        tally.refused += 1;
                        refused.add(&file, row, &[reason.to_owned()]);
                    }
                }
            }
            batch.clear();
            length = 0;
            if let Some(progress) = &progress {
                progress.advance_to(file.position());
            }
        }
        if is_last {
            break;
        }
    }
    if let Some(progress) = &progress {
        progress.finish();
    }
    let Tally { recorded, there_before, refused: refused_rows } = tally;
    print_line(&format!(
        "{recorded} recorded, {there_before} there before, {refused_rows} refused"
    ));
    match refused.finish()? {
        Some(path) => {
            if options.dry_run {
                eprint_line("nothing was recorded: this was a dry run");
            }
            Err(Failure::new(format!("refused rows are in {}", path.display())))
        }
        // Standard input may come from that file, and its rows are not recorded yet.
        None if options.dry_run && is_stdin => Ok(()),
        None => refused.remove_earlier(),
    }
}

/// The numbers of rows by their outcome.
#[derive(Default)]
struct Tally {
    recorded: u64,
    there_before: u64,
    refused: u64,
}

/// The reasons to refuse a row, for a person.
fn reasons(error: InvalidSubmission) -> Vec<String> {
    match error {
        InvalidSubmission::Json(error) => vec![format!("not a JSON object: {error}")],
        InvalidSubmission::Fields(errors) => {
            errors.iter().map(|e| format!("{} {}", e.field, e.message)).collect()
        }
    }
}
