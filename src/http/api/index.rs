use std::collections::BTreeMap;

use rocket::http::Header;
use rocket::response::{Responder, Response};
use rocket::serde::json::{Value, json};
use rocket::{Request, Route, State, get, routes};
use utoipa::OpenApi;

use super::sheets::{self, PageRequest};
use crate::domain::Day;
use crate::http::guard::{Browser, RequestQuery, Visitor};
use crate::http::pages::{Frame, Page, RowsPage, Tab, Viewer, start_page};
use crate::http::service::{Service, SheetRequest};
use crate::http::watch::Metrics;
use crate::http::wire::schema::{self, parameters, problems};
use crate::http::wire::{Form, Listing, Problem, Query, SeeOther, encoded_query};

pub(crate) fn routes() -> Vec<Route> {
    routes![index]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(index))]
pub(crate) struct Documented;

problems! {
    /// Why a form leads to no sheet.
    NoSheet = INVALID_DATE, INVALID_QUERY, INTERNAL
}

parameters! {
    /// What the form of a sheet asks for.
    Wanted = [schema::query(
        "date",
        schema::string(),
        "A day as `YYYYMMDD` or `YYYY-MM-DD`: a browser is sent to its sheet.",
    )];
}

/// A page for a browser, and a map of the API for anything else. `date` comes from the form of a sheet.
#[utoipa::path(
    get,
    path = "/table",
    operation_id = "view_index",
    tag = "Service",
    summary = "A page for a browser, a map of the API for anything else.",
    description = "The page shows today's sheet, or the entries of it that are wanted, to whoever may read it.",
    params(Wanted, schema::Filters, schema::PageForm),
    security(()),
    responses(
        (
            status = 200,
            description = "The page, or the map: each route with what it is for.",
            content((Map = "application/json"), (String = "text/html")),
            headers(
                ("Rollcall-Change" = i64, description = "The page contains every change up to this number."),
                ("Rollcall-Replica-Lag" = f64, description = "As for a sheet."),
                ("Rollcall-Complete-Until" = String, description = "As for a sheet."),
            )
        ),
        (
            status = 303,
            description = "A page is wanted, and there is a `date`.",
            headers(("Location" = String, description = "The sheet of the day."))
        ),
        NoSheet,
    ),
)]
#[get("/table?<date>")]
async fn index(
    date: Option<&str>,
    browser: Browser,
    visitor: Visitor,
    query: RequestQuery<'_>,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<Index, Problem> {
    let mut parameters = query.parameters();
    let listing = Listing::of(&mut parameters, Form::Html);
    let search = parameters.optional("q", |text| Ok(text.to_owned()));
    if !browser.wants_page {
        parameters.finish()?;
        return Ok(Index::Map(map(service.forwarding.is_some())));
    }
    if let Some(date) = date.filter(|date| !date.is_empty()) {
        return sheet_path(date, query.parameters()).map(Index::Sheet);
    }
    let (site, admission) = (&service.site, &service.admission);
    let day = site.day_of(service.clock.now());
    let caller = visitor.admit(admission).await?;
    let viewer = || Viewer::new(admission.access, caller.as_deref());
    let origin = visitor.origin();
    let mut trouble = None;
    if viewer().may_read {
        parameters.finish()?;
        let sheet = SheetRequest { day, listing, leaves_rows_out: false };
        let request = PageRequest { sheet, search, origin: Some(origin) };
        let frame = Frame::new(viewer(), Tab::Today, browser.clone());
        match sheets::page(frame, request, service, metrics).await {
            Ok(page) => return Ok(Index::Today(page)),
            Err(problem) => trouble = Some(problem),
        }
    }
    let trouble = trouble.as_ref().map_or("", Problem::detail);
    start_page(Frame::new(viewer(), Tab::Today, browser), day, origin, trouble).map(Index::Start)
}

/// The path of the sheet that a form asks for, with its filters.
fn sheet_path(date: &str, mut query: Query<'_>) -> Result<String, Problem> {
    let day = Day::parse(&date.replace('-', ""))?;
    let mut filters = Vec::new();
    for name in ["gate", "direction", "person_ref", "q", "include"] {
        if let Some(value) = query.optional(name, |value| Ok(value.to_owned())) {
            filters.push((name, value));
        }
    }
    query.finish()?;
    let filters: Vec<_> = filters.iter().map(|(name, value)| (*name, &**value)).collect();
    let filters = encoded_query(&filters).replacen('&', "?", 1);
    Ok(format!("/table/view/date:{day}{filters}"))
}

enum Index {
    Today(RowsPage),
    Start(Page),
    Sheet(String),
    Map(Value),
}

impl<'r> Responder<'r, 'static> for Index {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        match self {
            Self::Today(page) => page.respond_to(request),
            Self::Start(page) => page.respond_to(request),
            Self::Sheet(path) => SeeOther(path).respond_to(request),
            Self::Map(map) => Response::build_from(map.respond_to(request)?)
                .header(Header::new("Vary", "Accept"))
                .header(Header::new("Cache-Control", "no-cache"))
                .ok(),
        }
    }
}

/// The map in the API documents.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "the map is written below")]
struct Map {
    service: String,
    version: String,
    routes: BTreeMap<String, String>,
}

const VOID: &str = "POST /table/entry/ENTRY_ID/void";
const CORRECT: &str = "POST /table/entry/ENTRY_ID/correct";

/// A gate agent does not serve all of it.
fn map(is_agent: bool) -> Value {
    let mut map = json!({
        "service": "rollcall",
        "version": env!("CARGO_PKG_VERSION"),
        "routes": {
            "POST /table/create": "record an entry: firstname, lastname, and optionally gate, entry_id, occurred_at, direction, person_ref",
            "POST /table/batch": "record up to 500 entries, each with its entry_id: entries, and optionally gate, as_of, pending, oldest_pending",
            "GET /table/view/date:YYYYMMDD": "the whole sheet of a day",
            "GET /table/view/date:today": "the whole sheet of today",
            "POST /table/entry": "record an entry by a form, and go to its sheet",
            "GET /table/entry/ENTRY_ID": "an entry, its state and its history",
            VOID: "take an entry off its sheet: reason",
            CORRECT: "replace an entry: reason, and what is different",
            "GET /table/export?from=YYYYMMDD&to=YYYYMMDD": "the sheets of up to 366 days, one after the other",
            "GET /table/people?from=YYYYMMDD&to=YYYYMMDD": "for each day and person: first in, last out, number of entries",
            "GET /table/inside": "who is inside now",
            "GET /table/gates": "each gate: its last contact, what it holds, until when it is complete",
            "GET /table/changes": "everything that happened, in order: after, limit, wait",
            "GET /docs": "these routes in detail, to try out",
            "GET /openapi.json": "the same for programs, as OpenAPI 3.1",
            "GET /health": "the state of the service",
            "GET /metrics": "its counters, for Prometheus, unless they have a port of their own",
            "GET /readyz": "200 while it can serve",
            "GET /livez": "200 while it runs",
        },
    });
    if let (true, Some(routes)) = (is_agent, map["routes"].as_object_mut()) {
        routes.retain(|route, _| ![VOID, CORRECT].contains(&&**route));
    }
    map
}
