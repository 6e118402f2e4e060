//! The environment variables as values, read once at the start. Only the commands see them.

mod access;
mod database;
mod environment;
mod misspelt;
mod proxy;
mod upstream;
mod variable;

pub use access::AccessSettings;
pub use database::Database;
pub use environment::{LogFormat, LogSettings, Settings};
pub use misspelt::{Misspelt, misspelt};
pub use upstream::UpstreamSettings;
pub use variable::InvalidSetting;
