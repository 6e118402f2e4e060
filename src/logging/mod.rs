//! The log: standard output, one line each, as text or as JSON.

mod access_log;
mod output;

pub use access_log::AccessFormat;
pub use output::{access, finish, start};
