//! Measures the service beside its stores, on one machine and in one run: what `make bench` shows.
//!
//! `postgres` and `embedded` say what is measured and in which order. Everything measured in
//! rounds is measured in turn with its baseline, because the two share a machine that has better
//! and worse minutes.

mod answer;
mod company;
mod creates;
mod crowd;
mod embedded;
mod entry_id;
mod figure;
mod insert_loop;
mod load;
mod machine;
mod options;
mod pgbench;
mod postgres;
mod process;
mod psql;
mod report;
mod roster;
mod rounds;
mod run;
mod service;
mod statistics;
mod table;
mod visitor;

use std::process::ExitCode;

use clap::Parser;

use crate::company::Company;
use crate::embedded::Embedded;
use crate::options::Options;
use crate::postgres::Postgres;
use crate::report::Report;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const NOTES: &str = "\
Each figure is the median of its rounds, each ratio the median of the rounds' ratios: a round and
its baseline follow each other. Creates are counted only if they are answered 201 in time; any other
answer ends the run, and so does a table that does not hold every create that was answered 201.
The baselines: pgbench inserting one row per transaction, prepared, into a table with the same columns
and indexes; COPY of the same rows to psql; for the embedded store a loop of inserts, each in a
transaction of its own. The service runs as shipped, with one access line per request to /dev/null.
MB are millions of bytes resident, at their peak; memory added is measured from a fresh process.
The client is this program, pgbench or the loop; all share the machine with what they measure.
";

fn main() -> ExitCode {
    // `cargo test --all-targets` runs benches too, but without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("Nothing to test here: `make bench` runs it.");
        return ExitCode::SUCCESS;
    }
    match measure(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bench: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Bounds that are missed are shown, but no failure: this measures, it does not test.
fn measure(options: &Options) -> Result<()> {
    let machine = machine::describe(&options.directory)?;
    let mut report = Report::default();
    let mut postgres = Postgres::prepare(options)?;
    let postgres_version = postgres.describe()?;
    let company = Company::watch(postgres.postmaster())?;
    postgres.measure(&mut report)?;
    drop(postgres);
    let mut embedded = Embedded::prepare(options)?;
    let embedded_version = embedded.describe()?;
    embedded.measure(&mut report)?;
    let share = company.share()?;

    let (long, short) = (options.long_rounds(), options.short_rounds());
    println!("\nRollcall {}", env!("CARGO_PKG_VERSION"));
    println!("{machine}");
    println!("{postgres_version}");
    println!("{embedded_version}");
    println!(
        "{} rounds of {} s at full load and {} s with one client; {share}\n",
        long.count,
        long.time.as_secs(),
        short.time.as_secs()
    );
    println!("{report}\n{NOTES}");
    Ok(())
}
