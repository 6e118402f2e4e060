//! The commands of `rollcall`: a file each, with shared parts in files of their own.

mod cli;
mod console;
mod copy;
mod copying;
mod erase;
mod failure;
mod healthcheck;
mod import;
mod import_file;
mod import_input;
mod import_record;
mod import_refused;
mod migrate;
mod progress;
mod serve;
mod signals;
mod stores;
mod token;
mod wait_for_schema;
mod waiting;

pub use cli::run;
