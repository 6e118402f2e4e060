//! The service over HTTP. `server` receives requests and `api` answers them, with `guard`, `watch`
//! and `wire` below: who asks, what is counted and logged, and how values look on the wire.

mod api;
mod app;
mod guard;
mod server;
mod service;
mod watch;
mod wire;

pub use app::mounted_routes;
pub use server::{Listen, ServeError, Server};
pub use service::{Service, Setup};
pub use wire::TokenList;
