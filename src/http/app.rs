use rocket::config::{Config, Ident, LogLevel};
use rocket::shield::Shield;
use rocket::{Build, Rocket};

use super::api::{amendments, entries, health, index, scrape, sheets, unmatched};
use super::service::Service;
use super::watch::{Metrics, Observer};

/// The routes, the catcher and the fairing over a service. It listens nowhere by itself.
pub(super) fn app(service: Service) -> Rocket<Build> {
    // Not `Config::figment()`: only the documented variables count, and no Rocket.toml does.
    let config = Config {
        ident: Ident::none(),
        ip_header: None,
        log_level: LogLevel::Off,
        cli_colors: false,
        ..Config::release_default()
    };
    rocket::custom(config)
        .manage(service)
        .manage(Metrics::new())
        // An empty shield replaces Rocket's default one, whose headers the server sets.
        .attach(Shield::new())
        .attach(Observer)
        .mount("/", entries::routes())
        .mount("/", amendments::routes())
        .mount("/", sheets::routes())
        .mount("/", index::routes())
        .mount("/", health::routes())
        .mount("/", scrape::routes())
        .register("/", unmatched::catchers())
}
