//! The service over HTTP. `server` receives requests and `api` answers them. Below them `guard` checks
//! requests, `watch` counts and logs them, and `wire` converts values to and from what is sent.

mod api;
mod app;
mod guard;
mod openapi;
mod pages;
mod server;
mod service;
mod watch;
mod wire;

pub use app::mounted_routes;
pub use openapi::document;
pub use server::{Listen, ServeError, Server};
pub use service::{Service, Setup};
pub use wire::TokenList;
