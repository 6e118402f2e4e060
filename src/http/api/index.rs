use rocket::http::Header;
use rocket::response::{Responder, Response};
use rocket::serde::json::{Value, json};
use rocket::{Request, Route, State, get, routes};

use crate::http::guard::{Browser, Visitor};
use crate::http::pages::{Frame, Page, Tab, Viewer, start_page};
use crate::http::service::Service;
use crate::http::wire::Problem;

pub(crate) fn routes() -> Vec<Route> {
    routes![index]
}

/// A page for a browser, and a map of the API for anything else.
#[get("/table")]
async fn index(
    browser: Browser,
    visitor: Visitor,
    service: &State<Service>,
) -> Result<Index, Problem> {
    if !browser.wants_page {
        return Ok(Index::Map(map()));
    }
    let Service { site, reader, admission, .. } = &**service;
    let now = service.clock.now();
    let caller = visitor.identify(admission).await;
    let viewer = Viewer::new(admission.access, caller.as_deref());
    let instants = site.instants(site.day_of(now));
    let count = match viewer.may_read {
        true => reader.read(move |store| store.count(instants)).await.ok(),
        false => None,
    };
    let frame = Frame::new(viewer, Tab::Today, browser);
    start_page(frame, count, site, now, visitor.origin()).map(Index::Page)
}

enum Index {
    Page(Page),
    Map(Value),
}

impl<'r> Responder<'r, 'static> for Index {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        match self {
            Self::Page(page) => page.respond_to(request),
            Self::Map(map) => Response::build_from(map.respond_to(request)?)
                .header(Header::new("Vary", "Accept"))
                .header(Header::new("Cache-Control", "no-cache"))
                .ok(),
        }
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
