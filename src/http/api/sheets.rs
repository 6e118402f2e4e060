use std::sync::Arc;

use chrono::{DateTime, Utc};
use rocket::http::Header;
use rocket::response::{Responder, Response};
use rocket::{Either, Request, Route, State, get, routes};
use utoipa::OpenApi;

use super::reading::{begin_entries, count_inside, each_entry, spool_entries};
use crate::domain::{Day, DaySummary, Entry, FieldError, Gate, InvalidDay, Selection, Site};
use crate::http::guard::{Browser, MayRead, RequestPath, RequestQuery};
use crate::http::pages::{Frame, RowsPage, SheetView, Tab, Viewer, sheet_page};
use crate::http::service::{DaySheet, Service, SheetRequest};
use crate::http::watch::Metrics;
use crate::http::wire::schema::{self, parameters, problems};
use crate::http::wire::{
    Form, Freshness, Listing, LongBody, Problem, Query, Rows, Spools, describe, segments_after,
};
use crate::store::{Progress, ReadSheet, Source, Store, StoreError};

pub(crate) fn routes() -> Vec<Route> {
    routes![view]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(view))]
pub(crate) struct Documented;

parameters! {
    /// What a page may leave out.
    PageParts =
        [schema::query("rows", schema::string(), "`none`: a page without its rows, for its script.")];
}

problems! {
    /// Why a sheet is not shown.
    NotShown = BAD_REQUEST, INVALID_DATE, INVALID_QUERY, UNAUTHENTICATED, FORBIDDEN, INTERNAL, STORE_UNAVAILABLE
}

/// The whole sheet of a day, or the entries of it that are wanted.
#[utoipa::path(
    get,
    path = "/table/view/date:{date}",
    operation_id = "view_sheet",
    tag = "Reading",
    description = "Lowest id first. The sheet is whole or an error, however long it is.",
    params(schema::SheetDay, schema::Filters, schema::Forms, PageParts),
    responses(
        (
            status = 200,
            description = "The entries of the day.",
            content(
                (Vec<schema::ListedEntry> = "application/json"),
                (String = "text/csv", example = json!(schema::CSV_OF_ENTRIES)),
                (String = "application/x-ndjson"),
                (String = "text/html"),
            ),
            headers(
                ("Rollcall-Change" = i64, description = "The sheet contains every change up to this number."),
                ("Rollcall-Replica-Lag" = f64, description = "From a replica: it may lack what was recorded in \
                    this many seconds before."),
                ("Rollcall-Complete-Until" = String, description = "No gate will send an entry with an earlier \
                    `login` any more, as far as the gates say. Absent without tokens that are bound to gates."),
                ("Content-Disposition" = String, description = "The name of the file, for a CSV."),
            )
        ),
        NotShown,
    ),
)]
#[get("/table/view/<_..>")]
async fn view(
    caller: MayRead,
    path: RequestPath<'_>,
    query: RequestQuery<'_>,
    browser: Browser,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<Either<Sheet, RowsPage>, Problem> {
    let now = service.clock.now();
    let day = match segments_after(path.0, "/table/view/")?.strip_prefix("date:") {
        Some("today") => service.site.day_of(now),
        Some(date) => Day::parse(date)?,
        None => return Err(InvalidDay.into()),
    };
    let (mut query, form) = query.parse();
    let listing = Listing::of(&mut query, form);
    let search = query.optional("q", |text| Ok(text.to_owned()));
    // Only pages have this parameter: the script of today's sheet has the rows already.
    let rows = |query: &mut Query<'_>| {
        query.optional("rows", |value| match value {
            "none" => Ok(()),
            _ => Err(FieldError::new("rows", "invalid_choice", "must be none")),
        })
    };
    let leaves_rows_out = form == Form::Html && rows(&mut query).is_some();
    query.finish()?;
    let request = SheetRequest { day, listing, leaves_rows_out };
    if form != Form::Html {
        let read = read(request, service, metrics).await?;
        return Ok(Either::Left(Sheet { read, form, day }));
    }
    let is_today = service.site.day_of(now) == day;
    let viewer = Viewer::new(caller.access(), caller.caller.as_deref());
    let tab = if is_today { Tab::Today } else { Tab::Other };
    let frame = Frame::new(viewer, tab, browser);
    page(frame, PageRequest { sheet: request, search, origin: None }, service, metrics)
        .await
        .map(Either::Right)
}

/// Which sheet a page shows.
pub(super) struct PageRequest<'a> {
    pub sheet: SheetRequest,
    /// What the listing searches for, as it was typed.
    pub search: Option<String>,
    /// The address of the service, for the page that tells newcomers about it.
    pub origin: Option<&'a str>,
}

/// The page of a sheet.
pub(super) async fn page(
    frame: Frame,
    request: PageRequest<'_>,
    service: &Service,
    metrics: &Metrics,
) -> Result<RowsPage, Problem> {
    let (site, now) = (service.site, service.clock.now());
    let PageRequest { sheet, search, origin } = request;
    let SheetRequest { day, listing, leaves_rows_out } = sheet.clone();
    let read = read(sheet, service, metrics).await?;
    let freshness = freshness(&read);
    let DaySheet { rows, summary, inside, gates } = read.sheet;
    let summary = summary.ok_or_else(Problem::internal)?;
    let view = SheetView {
        day,
        rows,
        leaves_rows_out,
        freshness,
        summary: &summary,
        gates: &gates,
        filter: &listing.filter,
        search,
        includes_amended: listing.includes_amended,
        now,
        inside,
        origin,
    };
    sheet_page(frame, view, &site)
}

async fn read(
    request: SheetRequest,
    service: &Service,
    metrics: &Metrics,
) -> Result<ReadSheet<DaySheet>, Problem> {
    let (site, spools) = (service.site, service.spools.clone());
    let leaves_rows_out = request.leaves_rows_out;
    let (key, now) = (request.clone(), service.clock.now());
    // Most sites have none, and need no query for them.
    let may_have_gates = service.admission.credentials.may_have_gates(now);
    let read = {
        let request = request.clone();
        move |store: &dyn Store, progress: &Progress| {
            // Before the entries: whatever a gate has sent by then is among them.
            let gates = if may_have_gates { store.gates(now)? } else { Vec::new() };
            spool(store, &spools, site, &request, gates, now, progress)
        }
    };
    let read = service.sheets.read(key, read);
    let read = match leaves_rows_out {
        true => service.figures.read(request, read).await?,
        false => read.await?,
    };
    if read.source == Source::InsteadOfReplica {
        metrics.fell_back();
    }
    if !leaves_rows_out {
        metrics.sheet(read.sheet.rows.length());
    }
    Ok(read)
}

fn freshness(read: &ReadSheet<DaySheet>) -> Freshness {
    let replica_lag = match read.source {
        Source::Replica { lag } => Some(lag),
        Source::Primary | Source::InsteadOfReplica => None,
    };
    let complete_until = Gate::all_complete_until(&read.sheet.gates);
    Freshness { change: read.change, replica_lag, complete_until }
}

/// Reads the sheet of `day` into a spool, so that the connection to the store is free again before
/// the first byte is sent, however slow the reader is.
fn spool(
    store: &dyn Store,
    spools: &Spools,
    site: Site,
    request: &SheetRequest,
    gates: Vec<Gate>,
    now: DateTime<Utc>,
    progress: &Progress,
) -> Result<DaySheet, StoreError> {
    let SheetRequest { day, listing, leaves_rows_out } = request;
    let instants = site.instants(*day);
    let (mut spool, mut rows) = (spools.begin(), Rows::new(listing.form, site));
    let mut summary = (listing.form == Form::Html).then(|| DaySummary::of(&instants));
    let mut count = |entry: &Entry| {
        if let Some(summary) = &mut summary {
            summary.add(entry);
        }
    };
    if *leaves_rows_out {
        let selection = Selection { instants, filter: listing.filter.clone() };
        each_entry(store, &selection, progress, |entry| {
            if listing.shows(&entry) {
                count(&entry);
            }
        })?;
    } else {
        begin_entries(listing, &rows, &mut spool);
        spool_entries(store, instants, listing, &mut rows, &mut spool, progress, count)?;
        rows.end(spool.buffer());
    }
    // At the end of the day an open page keeps this figure.
    let is_live = listing.form == Form::Html && (*leaves_rows_out || site.day_of(now) == *day);
    let inside = is_live.then(|| count_inside(store, now, progress)).transpose()?;
    let rows = spool.finish().map_err(StoreError::unspooled)?;
    Ok(DaySheet { rows, summary: summary.map(Arc::new), inside, gates: gates.into() })
}

/// A sheet of a day.
struct Sheet {
    read: ReadSheet<DaySheet>,
    form: Form,
    day: Day,
}

impl<'r> Responder<'r, 'static> for Sheet {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build();
        describe(&mut response, self.form, &format!("attendance-{}", self.day));
        let rows = &self.read.sheet.rows;
        response.header(Header::new("Content-Length", rows.length().to_string()));
        let mut response = response.finalize();
        freshness(&self.read).set_headers(&mut response);
        LongBody::of(request).set(self.read.sheet.rows);
        Ok(response)
    }
}
