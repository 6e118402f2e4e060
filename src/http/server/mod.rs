//! Connections: accepted up to a limit, closed after timeouts, and shut down gracefully. Rocket routes the requests, but
//! its own listener has neither timeouts nor a bound.

mod activity;
mod connection;
mod exchange;
mod file_limit;
mod listener;
mod port;

pub use listener::{Listen, ServeError, Server};
