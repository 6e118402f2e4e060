//! The environment variables as values, read once at the start. Only the commands see them.

mod access;
mod database;
mod environment;
mod variable;

pub use access::AccessSettings;
pub use database::Database;
pub use environment::{LogFormat, LogSettings, Settings};
pub use variable::InvalidSetting;
