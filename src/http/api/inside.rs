use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use rocket::http::Header;
use rocket::response::{Responder, Response};
use rocket::{Either, Request, Route, State, get, routes};
use utoipa::OpenApi;

use super::reading::{DEFAULT_REACH, each_entry};
use crate::domain::{Day, Entry, FieldError, Inside, Site, Stamp, Text, parse_moment};
use crate::http::guard::{Browser, MayRead, RequestQuery};
use crate::http::pages::{Frame, InsideView, Page, Tab, Viewer, inside_page};
use crate::http::service::Service;
use crate::http::wire::schema::{self, parameters, problems};
use crate::http::wire::{Form, LongBody, Problem, Rows, SpooledSheet, describe};
use crate::store::StoreError;

/// How far they may go back.
const MAX_REACH: TimeDelta = TimeDelta::days(7);

/// How much further, since the client subtracts the 7 days from its own clock, and before it sends.
const TOLERANCE: TimeDelta = TimeDelta::seconds(5);

pub(crate) fn routes() -> Vec<Route> {
    routes![inside]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(inside))]
pub(crate) struct Documented;

problems! {
    /// Why nobody is shown.
    NotShown = INVALID_QUERY, UNAUTHENTICATED, FORBIDDEN, INTERNAL, STORE_UNAVAILABLE
}

parameters! {
    /// Which people are wanted.
    Wanted = [
        schema::query(
            "since",
            schema::optional_moment(),
            "How far back entries are read: at most 7 days. Without it, 24 hours.",
        ),
        schema::query("gate", schema::optional_text(), "Only people whose latest entry is of this gate."),
        schema::query("by", schema::string().enum_values(Some(["", "gate", "name"])), "`gate`: a page in the order of gates."),
    ];
}

/// Who is inside now.
#[utoipa::path(
    get,
    path = "/table/inside",
    operation_id = "view_inside",
    tag = "Reading",
    description = "Each person whose latest standing entry since then is `in`, by last and first name.",
    params(Wanted, schema::Forms),
    responses(
        (
            status = 200,
            description = "Who is inside; as CSV and NDJSON their entries.",
            content(
                (schema::Inside = "application/json"),
                (String = "text/csv", example = json!(schema::CSV_OF_ENTRIES)),
                (String = "application/x-ndjson"),
                (String = "text/html"),
            ),
            headers(("Content-Disposition" = String, description = "The name of the file, for a CSV."))
        ),
        NotShown,
    ),
)]
#[get("/table/inside")]
async fn inside(
    caller: MayRead,
    query: RequestQuery<'_>,
    browser: Browser,
    service: &State<Service>,
) -> Result<Either<List, Page>, Problem> {
    let now = service.clock.now();
    let (mut query, form) = query.parse();
    let since = query.optional("since", |value| since(value, now));
    let gate = query.text("gate");
    let is_by_gate = query.optional("by", |value| match value {
        "gate" => Ok(true),
        "name" => Ok(false),
        _ => Err(FieldError::new("by", "invalid_choice", "must be gate or name")),
    });
    let is_by_gate = is_by_gate == Some(true);
    query.finish()?;
    let (site, since) = (service.site, since.unwrap_or(now - DEFAULT_REACH));
    // The moment of the answer is included.
    let instants = since..now + TimeDelta::microseconds(1);
    if form == Form::Html {
        let viewer = Viewer::new(caller.access(), caller.caller.as_deref());
        let frame = Frame::new(viewer, Tab::Inside, browser);
        let (entries, outs_seen) = people(service, instants, gate.clone()).await?;
        let view = InsideView {
            entries: &entries,
            as_of: now,
            since,
            outs_seen,
            gate: gate.as_deref(),
            is_by_gate,
        };
        return inside_page(frame, &view, &site).map(Either::Right);
    }
    let spools = service.spools.clone();
    let read = service.reader.read_long(move |store, progress| {
        let mut inside = Inside::default();
        each_entry(store, &instants.into(), progress, |entry| inside.add(entry))?;
        let mut spool = spools.begin();
        if form == Form::Json {
            let head = head(&site, now, since, inside.outs_seen());
            spool.buffer().extend_from_slice(head.as_bytes());
        }
        let mut rows = Rows::new(form, site);
        rows.begin::<Entry>(spool.buffer());
        for entry in inside.into_sorted(gate.as_ref()) {
            rows.push(spool.buffer(), &entry);
            spool.flush_if_full().map_err(StoreError::unspooled)?;
        }
        rows.end(spool.buffer());
        if form == Form::Json {
            spool.buffer().push(b'}');
        }
        spool.finish().map_err(StoreError::unspooled)
    });
    Ok(Either::Left(List { body: read.await?, form, day: site.day_of(now) }))
}

/// Who is inside, by last and first name, and whether anyone was recorded as going out.
async fn people(
    service: &Service,
    instants: Range<DateTime<Utc>>,
    gate: Option<Text>,
) -> Result<(Vec<Entry>, bool), StoreError> {
    let read = service.reader.read_long(move |store, progress| {
        let mut inside = Inside::default();
        each_entry(store, &instants.into(), progress, |entry| inside.add(entry))?;
        let outs_seen = inside.outs_seen();
        Ok((inside.into_sorted(gate.as_ref()), outs_seen))
    });
    read.await
}

/// Reads the parameter `since`. In a query a space stands for `+`, which a client may have left as
/// it is.
fn since(value: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, FieldError> {
    let error = |code, message: String| FieldError::new("since", code, message);
    let since =
        parse_moment(&value.replace(' ', "+")).map_err(|e| error(e.code(), e.to_string()))?;
    match (now - MAX_REACH - TOLERANCE..=now).contains(&since) {
        true => Ok(since),
        false => Err(error("out_of_range", "must be a moment of the last 7 days".into())),
    }
}

/// The JSON object up to its list.
fn head(site: &Site, now: DateTime<Utc>, since: DateTime<Utc>, outs_seen: bool) -> String {
    let shown = |moment| Stamp::local(moment, site.offset_at(moment));
    let (as_of, since) = (shown(now), shown(since));
    format!(
        r#"{{"as_of":"{}","since":"{}","outs_seen":{outs_seen},"inside":"#,
        as_of.as_str(),
        since.as_str()
    )
}

/// Who is inside. `day` is that of the moment at which they are.
struct List {
    body: SpooledSheet,
    form: Form,
    day: Day,
}

impl<'r> Responder<'r, 'static> for List {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build();
        describe(&mut response, self.form, &format!("inside-{}", self.day));
        response.header(Header::new("Content-Length", self.body.length().to_string()));
        LongBody::of(request).set(self.body);
        response.ok()
    }
}
