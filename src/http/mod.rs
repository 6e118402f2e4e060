//! The service as HTTP: a file for each noun, each with its `routes()`.

mod entries;
mod entry_json;
mod health;
mod index;
mod paths;
mod problem;
mod requests;
mod sheets;
mod unmatched;

use std::net::SocketAddr;
use std::time::Duration;

use rocket::config::{Config, Ident, LogLevel, Shutdown, Sig};
use rocket::fairing::AdHoc;
use rocket::{Build, Rocket};

use crate::domain::{Clock, Site};
use crate::store::{Queue, Reader};

/// What the routes work with.
pub struct Service {
    pub queue: Queue,
    pub reader: Reader,
    pub site: Site,
    pub clock: Clock,
}

/// Where to listen, and how long requests in flight may take once the end has come.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    pub at: SocketAddr,
    pub grace: Duration,
}

/// Serves until SIGTERM or SIGINT, and returns when every request in flight is answered.
pub async fn serve(service: Service, listen: Listen) -> Result<(), String> {
    match rocket(service, listen).launch().await {
        Ok(_) => Ok(()),
        // Its `Debug` is made for people; dropping it unread would panic.
        Err(error) => Err(format!("cannot serve at {}: {}", listen.at, error.kind())),
    }
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
            ctrlc: true,
            signals: [Sig::Term].into(),
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
        .manage(service.site)
        .manage(service.clock)
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
        .register("/", unmatched::catchers())
}
