//! The service as HTTP: a file for each noun, each with its `routes()`.

mod entries;
mod entry_json;
mod health;
mod index;
mod metrics;
mod paths;
mod problem;
mod requests;
mod sheets;
mod unmatched;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use rocket::config::{Config, Ident, LogLevel, Shutdown};
use rocket::fairing::AdHoc;
use rocket::tokio::select;
use rocket::{Build, Rocket};

use crate::domain::{Clock, Site};
use crate::store::{Queue, Reader, Sheets};

/// What the routes work with.
pub struct Service {
    pub queue: Queue,
    pub reader: Reader,
    pub sheets: Sheets,
    pub site: Site,
    pub clock: Clock,
}

/// Where to listen, and how long requests in flight may take once the end has come.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    pub at: SocketAddr,
    pub grace: Duration,
}

/// Serves until `stop` resolves, and returns when every request in flight is answered.
pub async fn serve(service: Service, listen: Listen, stop: impl Future) -> Result<(), String> {
    // Its `Debug` is made for people; dropping it unread would panic.
    let failed = |error: rocket::Error| format!("cannot serve at {}: {}", listen.at, error.kind());
    let rocket = rocket(service, listen).ignite().await.map_err(failed)?;
    let shutdown = rocket.shutdown();
    let mut launched = pin!(rocket.launch());
    // In one task, in turn: if Rocket is told to stop by another one just while it accepts a
    // connection, it takes that for a failure and drops what is in flight.
    let ended = select! {
        biased;
        ended = &mut launched => ended,
        _ = stop => {
            shutdown.notify();
            launched.await
        }
    };
    ended.map(drop).map_err(failed)
}

/// The service, ready to be launched.
pub fn rocket(service: Service, listen: Listen) -> Rocket<Build> {
    // Not `Config::figment()`: only documented variables count, and no Rocket.toml does.
    let config = Config {
        address: listen.at.ip(),
        port: listen.at.port(),
        ident: Ident::none(),
        ip_header: None,
        log_level: LogLevel::Off,
        cli_colors: false,
        shutdown: Shutdown {
            ctrlc: false,
            signals: HashSet::new(),
            grace: listen.grace.as_secs().try_into().unwrap_or(u32::MAX),
            mercy: 1,
            force: false,
            ..Shutdown::default()
        },
        ..Config::release_default()
    };
    rocket::custom(config)
        .manage(service.queue)
        .manage(service.reader)
        .manage(service.sheets)
        .manage(service.site)
        .manage(service.clock)
        .manage(metrics::Metrics::new())
        .attach(paths::Exact)
        .attach(requests::Requests)
        .attach(health::stopping())
        .attach(AdHoc::on_liftoff("address", |rocket| {
            Box::pin(async {
                let address = SocketAddr::new(rocket.config().address, rocket.config().port);
                tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
            })
        }))
        .mount("/", entries::routes())
        .mount("/", sheets::routes())
        .mount("/", index::routes())
        .mount("/", health::routes())
        .mount("/", metrics::routes())
        .register("/", unmatched::catchers())
}
