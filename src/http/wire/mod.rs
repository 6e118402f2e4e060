//! How values look on the wire: problems, paths, bodies, entries and sheets.

mod body;
mod change_json;
mod csv_cell;
mod entry_json;
mod entry_row;
mod failure;
mod file;
mod form;
mod kind;
mod listing;
mod long_body;
mod parts;
mod path;
mod person_row;
mod problem;
mod query;
mod rows;
mod spool;
mod token_json;

pub(super) use body::ReceivedBody;
pub(super) use change_json::push_trail;
pub(super) use entry_json::push_entry;
pub(super) use file::describe;
pub(super) use form::Form;
pub(super) use kind::CODES;
pub(super) use listing::Listing;
pub(super) use long_body::{Chunks, LongBody, LongContent};
pub(super) use parts::{PartSender, Parts, ReaderLeft, parts};
pub(super) use path::{Target, is_well_encoded, segments_after};
pub(super) use problem::{Problem, Reported};
pub(super) use query::Query;
pub(super) use rows::Rows;
pub(super) use spool::{Spool, SpooledSheet, Spools};
pub(super) use token_json::TokenJson;
pub use token_json::TokenList;
