//! How values look on the wire: problems, paths, bodies, entries and sheets.

mod body;
mod entry_json;
mod kind;
mod long_body;
mod path;
mod problem;
mod spool;
mod token_json;

pub use body::ReceivedBody;
pub use entry_json::push_entry;
pub use kind::CODES;
pub use long_body::{Chunks, LongBody};
pub use path::{Target, is_well_encoded, segments_after};
pub use problem::{Problem, Reported};
pub use spool::{Spool, SpooledSheet};
pub use token_json::{TokenJson, TokenList};
