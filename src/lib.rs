//! Rollcall: who passed which gate, and the complete attendance sheet of a day.
//!
//! Read it from the outside in: [`commands`] turn [`settings`] into a running service; [`http`]
//! turns requests into calls; [`store`] keeps entries; [`domain`] defines entries, days and
//! retries. Imports run in that order and never back. `docs/ARCHITECTURE.md` has the details.

pub mod commands;
pub mod domain;
pub mod error_chain;
pub mod gate;
pub mod http;
pub mod logging;
pub mod settings;
pub mod store;
