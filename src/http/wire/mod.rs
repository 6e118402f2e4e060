//! How values look on the wire: problems, paths, bodies, entries and sheets.

mod body;
mod change_json;
mod entry_json;
mod failure;
mod kind;
mod long_body;
mod path;
mod problem;
mod spool;
mod token_json;

pub(super) use body::ReceivedBody;
pub(super) use change_json::push_trail;
pub(super) use entry_json::push_entry;
pub(super) use kind::CODES;
pub(super) use long_body::{Chunks, LongBody};
pub(super) use path::{Target, is_well_encoded, segments_after};
pub(super) use problem::{Problem, Reported};
pub(super) use spool::{SpooledSheet, Spools};
pub(super) use token_json::TokenJson;
pub use token_json::TokenList;
