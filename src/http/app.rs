use rocket::config::{Config, Ident, LogLevel};
use rocket::shield::Shield;
use rocket::{Build, Rocket, Route};

use super::api::{
    amendments, assets, by_hand, changes, entries, export, health, index, inside, people, scrape,
    sessions, sheets, tokens, unmatched,
};
use super::pages::ProblemPages;
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
        .manage(service.admission.clone())
        .manage(service)
        .manage(Metrics::new())
        // An empty shield replaces Rocket's default one, whose headers the server sets.
        .attach(Shield::new())
        // Before the observer, which reads the length of the answer.
        .attach(ProblemPages)
        .attach(Observer)
        .mount("/", routes())
        .register("/", unmatched::catchers())
}

/// The method and the pattern of every route, so that a test can go through all of them.
pub fn mounted_routes() -> Vec<(String, String)> {
    let name = |route: Route| (route.method.to_string(), route.uri.path().to_owned());
    routes().into_iter().map(name).collect()
}

fn routes() -> Vec<Route> {
    [
        entries::routes(),
        by_hand::routes(),
        amendments::routes(),
        changes::routes(),
        sheets::routes(),
        export::routes(),
        people::routes(),
        inside::routes(),
        index::routes(),
        health::routes(),
        scrape::routes(),
        tokens::routes(),
        sessions::routes(),
        assets::routes(),
    ]
    .concat()
}
