use rocket::config::{Config, Ident, LogLevel};
use rocket::shield::Shield;
use rocket::{Build, Rocket, Route};

use super::api::{
    amendments, assets, batch, by_hand, changes, docs, entries, export, gates, health, index,
    inside, people, scrape, sessions, sheets, tokens, unmatched,
};
use super::guard::{BatchRoom, UpstreamNotice};
use super::openapi::document;
use super::pages::ProblemPages;
use super::service::{Scraped, Service};
use super::watch::{Metrics, Observer};

/// What the ports of a service serve. They listen nowhere by themselves.
pub(super) struct Apps {
    pub(super) service: Rocket<Build>,
    /// The metrics, free of tokens, and nothing else.
    pub(super) metrics: Rocket<Build>,
}

/// The routes, the catcher and the fairings over a service. `/metrics` is among the routes unless
/// `has_metrics_port`.
pub(super) fn apps(service: Service, has_metrics_port: bool) -> Apps {
    let (metrics, scraped) = (
        Metrics::new(&service.queue.writing(), service.forwarding.is_some()),
        Scraped::of(&service),
    );
    let notice = service
        .forwarding
        .clone()
        .map(|forwarding| UpstreamNotice { forwarding, reader: service.reader.clone() });
    let is_agent = notice.is_some();
    let scrape_routes = if has_metrics_port { Vec::new() } else { scrape::routes() };
    Apps {
        metrics: observed(metrics.clone(), scraped.clone())
            .mount("/", scrape::free_routes())
            .register("/", unmatched::catchers()),
        service: with_notice(observed(metrics, scraped), notice)
            .manage(service.admission.clone())
            .manage(service.site)
            .manage(BatchRoom::new())
            .manage(service)
            .manage(docs::Document(document(is_agent)))
            .mount("/", routes(is_agent))
            .mount("/", scrape_routes)
            .register("/", unmatched::catchers()),
    }
}

fn with_notice(app: Rocket<Build>, notice: Option<UpstreamNotice>) -> Rocket<Build> {
    match notice {
        Some(notice) => app.manage(notice),
        None => app,
    }
}

/// An app without routes, whose answers are counted and logged.
fn observed(metrics: Metrics, scraped: Scraped) -> Rocket<Build> {
    // Not `Config::figment()`: only the documented variables count, and no Rocket.toml does.
    let config = Config {
        ident: Ident::none(),
        ip_header: None,
        log_level: LogLevel::Off,
        cli_colors: false,
        ..Config::release_default()
    };
    rocket::custom(config)
        .manage(metrics)
        .manage(scraped)
        // An empty shield replaces Rocket's default one, whose headers the server sets.
        .attach(Shield::new())
        // Before the observer, which reads the length of the answer.
        .attach(ProblemPages)
        .attach(Observer)
}

/// The method and the pattern of every route, so that a test can go through all of them.
pub fn mounted_routes() -> Vec<(String, String)> {
    let name = |route: Route| (route.method.to_string(), route.uri.path().to_owned());
    routes(false).into_iter().chain(scrape::routes()).map(name).collect()
}

fn routes(is_agent: bool) -> Vec<Route> {
    [
        entries::routes(),
        batch::routes(),
        by_hand::routes(),
        amendments::routes(),
        if is_agent { Vec::new() } else { amendments::amending_routes() },
        changes::routes(),
        sheets::routes(),
        export::routes(),
        people::routes(),
        inside::routes(),
        gates::routes(),
        index::routes(),
        health::routes(),
        tokens::routes(),
        sessions::routes(),
        assets::routes(),
        docs::routes(),
    ]
    .concat()
}
