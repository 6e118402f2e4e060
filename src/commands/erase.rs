use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args};
use uuid::Uuid;

use super::console::print_line;
use super::failure::Failure;
use super::progress::Progress;
use crate::domain::{Clock, Day, ErasureScope, Site, Text};
use crate::store::{Eraser, Store};

/// How many ids are searched at once.
const SEARCHED: usize = 10_000;

/// How many entries are erased together, with their chains.
const BATCH: usize = 500;

#[derive(Args)]
#[command(group(ArgGroup::new("scope").required(true).args(["older_than", "person_ref", "firstname"])))]
pub(super) struct Options {
    /// Entries of the days before the one that was DAYS days before today at the site
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u32>,
    /// Entries with this badge or staff number
    #[arg(long, value_name = "REF", value_parser = Text::parse)]
    person_ref: Option<Text>,
    /// Entries with this first name and the last name
    #[arg(long, value_name = "FIRST", value_parser = Text::parse, requires = "lastname")]
    firstname: Option<Text>,
    /// Entries with this last name and the first name
    #[arg(
        long,
        value_name = "LAST",
        value_parser = Text::parse,
        requires = "firstname",
        conflicts_with_all = ["older_than", "person_ref"]
    )]
    lastname: Option<Text>,
    /// Only say how many entries of which days would be erased
    #[arg(long)]
    dry_run: bool,
}

impl Options {
    fn scope(self, site: &Site, now: DateTime<Utc>) -> Result<ErasureScope, Failure> {
        match self {
            Self { older_than: Some(days), .. } => Ok(ErasureScope::older_than(days, site, now)),
            Self { person_ref: Some(badge), .. } => Ok(ErasureScope::PersonRef(badge)),
            Self { firstname: Some(firstname), lastname: Some(lastname), .. } => {
                Ok(ErasureScope::Names { firstname, lastname })
            }
            _ => Err(Failure::new("nothing says which entries are to be erased")),
        }
    }
}

/// Erases names in `store`, in batches. Each is a transaction, so this can be interrupted and run
/// again.
pub(super) fn erase(store: &dyn Store, site: &Site, options: Options) -> Result<(), Failure> {
    let now = Clock::system().now();
    let is_dry_run = options.dry_run;
    let scope = options.scope(site, now)?;
    store.schema()?.require()?;
    let mut eraser = store.eraser()?;
    let found = survey(&mut *eraser, &scope, site)?;
    if is_dry_run {
        found.report("would be erased");
        return Ok(());
    }
    let progress = Progress::of(found.total());
    let mut erased = Tally::new(site);
    for ids in all_ids(&mut *eraser)? {
        for batch in eraser.find(&scope, ids)?.chunks(BATCH) {
            let ids: Vec<_> = batch.iter().map(|entry| entry.entry_id).collect();
            let done = eraser.erase(&ids, now)?;
            done.iter().for_each(|entry| erased.add(entry.login));
            progress.advance(done.len());
        }
    }
    progress.finish();
    // Also if nothing was found: the run before may have been interrupted before this.
    eraser.clean_up()?;
    erased.report("erased");
    Ok(())
}

/// Counts what there is to erase. Memory grows only with the number of amended entries.
fn survey<'a>(
    eraser: &mut dyn Eraser,
    scope: &ErasureScope,
    site: &'a Site,
) -> Result<Tally<'a>, Failure> {
    let mut tally = Tally::new(site);
    // Entries of a chain that were counted before they were found.
    let mut counted = HashSet::<Uuid>::new();
    for ids in all_ids(eraser)? {
        let found = eraser.find(scope, ids)?;
        let mut new: HashSet<_> = found.iter().map(|entry| entry.entry_id).collect();
        new.retain(|entry_id| !counted.contains(entry_id));
        for entry in eraser.chains(&Vec::from_iter(new.iter().copied()))? {
            tally.add(entry.login);
            if !new.contains(&entry.entry_id) {
                counted.insert(entry.entry_id);
            }
        }
    }
    Ok(tally)
}

/// All ids, in parts.
fn all_ids(eraser: &mut dyn Eraser) -> Result<impl Iterator<Item = Range<i64>> + use<>, Failure> {
    let last = eraser.last_id()?;
    let parts = (1..=last).step_by(SEARCHED);
    Ok(parts.map(|first| first..first + SEARCHED as i64))
}

/// How many entries of which days.
struct Tally<'a> {
    site: &'a Site,
    by_day: BTreeMap<Day, u64>,
}

impl<'a> Tally<'a> {
    fn new(site: &'a Site) -> Self {
        Self { site, by_day: BTreeMap::new() }
    }

    fn add(&mut self, login: DateTime<Utc>) {
        *self.by_day.entry(self.site.day_of(login)).or_default() += 1;
    }

    fn total(&self) -> u64 {
        self.by_day.values().sum()
    }

    /// A line for each day, and one for all.
    fn report(&self, outcome: &str) {
        for (day, entries) in &self.by_day {
            print_line(&format!("{day}  {entries}"));
        }
        let (total, days) = (self.total(), self.by_day.len());
        print_line(&format!("entries {outcome}: {total}, of {days} days"));
    }
}
