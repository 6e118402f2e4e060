//! Rollcall: who passed which gate, and the complete attendance sheet of a day.
//!
//! Read it from the outside in: [`commands`] turn [`settings`] into a running service; [`http`]
//! turns requests into calls; [`store`] keeps entries; [`domain`] says what an entry, a day and a
//! replay are. Imports run in that order and never back. `docs/ARCHITECTURE.md` is the long map.

#![forbid(unsafe_code)]

pub mod commands;
pub mod domain;
pub mod http;
pub mod logging;
pub mod settings;
pub mod store;
