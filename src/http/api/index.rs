use rocket::http::{Accept, ContentType, Header, MediaType};
use rocket::response::{Responder, Response};
use rocket::serde::json::{Value, json};
use rocket::{Request, Route, State, get, routes};

use crate::domain::Access;
use crate::http::service::Service;

/// The page for a browser, with `{name}` for each value. No value is what a client sent.
const PAGE: &str = include_str!("index.html");

/// The part of the page about today's sheet.
const TODAY: &str = r#"  <div class="today">
    <strong>{count}</strong>
    <div>entries today, sheet <a href="/table/view/date:today">{day}</a><br>
      <span class="soft">at {time}, {zone}</span></div>
  </div>
"#;

/// Replaces it where requests need a token: the page is free and shows no figure.
const TOKEN_NEEDED: &str = r#"  <p class="today">Sheets can be read with a token only.</p>
"#;

pub(crate) fn routes() -> Vec<Route> {
    routes![index]
}

/// A page for a browser, and a map of the API for anything else.
#[get("/table")]
async fn index(accept: Option<&Accept>, service: &State<Service>) -> Index {
    if !prefers_html(accept) {
        return Index::Map(map());
    }
    let Service { site, .. } = &**service;
    let now = service.clock.now();
    let today = site.day_of(now);
    let instants = site.instants(today);
    let (part, count) = match service.admission.access {
        Access::Token => (TOKEN_NEEDED, None),
        Access::Open => (TODAY, service.reader.read(move |store| store.count(instants)).await.ok()),
    };
    Index::Page(
        PAGE.replace("{today}", part)
            .replace("{version}", env!("CARGO_PKG_VERSION"))
            .replace("{zone}", site.zone_name())
            .replace("{day}", &today.to_string())
            .replace("{time}", &now.with_timezone(&site.offset_at(now)).format("%H:%M").to_string())
            .replace("{count}", &count.map_or_else(|| "–".to_owned(), |count| count.to_string())),
    )
}

enum Index {
    Page(String),
    Map(Value),
}

impl<'r> Responder<'r, 'static> for Index {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = match self {
            Self::Page(page) => {
                let mut response =
                    Response::build_from((ContentType::HTML, page).respond_to(request)?);
                // Nothing but the page's own style: no script, no image, nothing of another origin.
                response.header(Header::new(
                    "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
                ));
                response
            }
            Self::Map(map) => Response::build_from(map.respond_to(request)?),
        };
        response
            .header(Header::new("Vary", "Accept"))
            .header(Header::new("Cache-Control", "no-cache"))
            .ok()
    }
}

/// Whether `text/html` is accepted by name, and JSON is not preferred to it.
fn prefers_html(accept: Option<&Accept>) -> bool {
    let Some(accept) = accept else { return false };
    let weight = |wanted: MediaType| {
        accept
            .iter()
            .filter(|&media| *media.media_type() == wanted)
            .map(|m| m.weight_or(1.0))
            .reduce(f32::max)
    };
    match (weight(MediaType::HTML), weight(MediaType::JSON)) {
        (Some(html), Some(json)) => html > 0.0 && html >= json,
        (Some(html), None) => html > 0.0,
        (None, _) => false,
    }
}

fn map() -> Value {
    json!({
        "service": "rollcall",
        "version": env!("CARGO_PKG_VERSION"),
        "routes": {
            "POST /table/create": "record an entry: firstname, lastname, and optionally gate, entry_id, occurred_at, direction, person_ref",
            "GET /table/view/date:YYYYMMDD": "the whole sheet of a day",
            "GET /table/view/date:today": "the whole sheet of today",
            "GET /table/entry/ENTRY_ID": "an entry, its state and its history",
            "POST /table/entry/ENTRY_ID/void": "take an entry off its sheet: reason",
            "POST /table/entry/ENTRY_ID/correct": "replace an entry: reason, and what is different",
            "GET /table/export?from=YYYYMMDD&to=YYYYMMDD": "the sheets of up to 366 days, one after the other",
            "GET /table/people?from=YYYYMMDD&to=YYYYMMDD": "for each day and person: first in, last out, number of entries",
            "GET /table/inside": "who is inside now",
            "GET /table/changes": "everything that happened, in order: after, limit, wait",
            "GET /health": "the state of the service",
            "GET /metrics": "its counters, for Prometheus",
            "GET /readyz": "200 while it can serve",
            "GET /livez": "200 while it runs",
        },
    })
}
