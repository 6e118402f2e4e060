use std::sync::Arc;

use rocket::http::Header;
use rocket::response::{Responder, Response};
use rocket::{Either, Request, Route, State, get, routes};

use super::reading::{begin_entries, count_inside, spool_entries};
use crate::domain::{Day, DaySummary, InvalidDay, Site};
use crate::http::guard::{Browser, MayRead, RequestPath, RequestQuery};
use crate::http::pages::{Frame, RowsPage, SheetView, Tab, Viewer, sheet_page};
use crate::http::service::{DaySheet, Service};
use crate::http::watch::Metrics;
use crate::http::wire::{
    Form, Listing, LongBody, Problem, Rows, Spools, change_header, describe, segments_after,
};
use crate::store::{Progress, ReadSheet, Source, Store, StoreError};

pub(crate) fn routes() -> Vec<Route> {
    routes![view]
}

/// The whole sheet of a day, or the entries of it that are wanted.
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
    query.finish()?;
    if form != Form::Html {
        let read = read(day, listing, service, metrics).await?;
        return Ok(Either::Left(Sheet { read, form, day }));
    }
    let is_today = service.site.day_of(now) == day;
    let viewer = Viewer::new(caller.access(), caller.caller.as_deref());
    let tab = if is_today { Tab::Today } else { Tab::Other };
    let frame = Frame::new(viewer, tab, browser);
    page(frame, PageRequest { day, listing, search, origin: None }, service, metrics)
        .await
        .map(Either::Right)
}

/// Which sheet a page shows.
pub(super) struct PageRequest<'a> {
    pub day: Day,
    pub listing: Listing,
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
    let PageRequest { day, listing, search, origin } = request;
    let (filter, includes_amended) = (listing.filter.clone(), listing.includes_amended);
    let DaySheet { rows, summary } = read(day, listing, service, metrics).await?.sheet;
    // A page of today without this figure is better than none.
    let inside = match site.day_of(now) == day {
        true => count_inside(&service.reader, now).await.ok(),
        false => None,
    };
    let summary = summary.ok_or_else(Problem::internal)?;
    let filter = &filter;
    let view = SheetView {
        day,
        rows,
        summary: &summary,
        filter,
        search,
        includes_amended,
        now,
        inside,
        origin,
    };
    sheet_page(frame, view, &site)
}

async fn read(
    day: Day,
    listing: Listing,
    service: &Service,
    metrics: &Metrics,
) -> Result<ReadSheet<DaySheet>, Problem> {
    let (site, spools) = (service.site, service.spools.clone());
    let key = (day, listing.clone());
    let read = move |store: &dyn Store, progress: &Progress| {
        spool(store, &spools, site, day, &listing, progress)
    };
    let read = service.sheets.read(key, read).await?;
    if read.source == Source::InsteadOfReplica {
        metrics.fell_back();
    }
    metrics.sheet(read.sheet.rows.length());
    Ok(read)
}

/// Reads the sheet of `day` into a spool, so that the connection to the store is free again before
/// the first byte is sent, however slow the reader is.
fn spool(
    store: &dyn Store,
    spools: &Spools,
    site: Site,
    day: Day,
    listing: &Listing,
    progress: &Progress,
) -> Result<DaySheet, StoreError> {
    let instants = site.instants(day);
    let (mut spool, mut rows) = (spools.begin(), Rows::new(listing.form, site));
    let mut summary = (listing.form == Form::Html).then(|| DaySummary::of(&instants));
    begin_entries(listing, &rows, &mut spool);
    spool_entries(store, instants, listing, &mut rows, &mut spool, progress, |entry| {
        if let Some(summary) = &mut summary {
            summary.add(entry);
        }
    })?;
    rows.end(spool.buffer());
    let rows = spool.finish().map_err(StoreError::defect)?;
    Ok(DaySheet { rows, summary: summary.map(Arc::new) })
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
        let ReadSheet { sheet: DaySheet { rows, .. }, source, change } = self.read;
        response.header(Header::new("Content-Length", rows.length().to_string()));
        response.header(change_header(change));
        if let Source::Replica { lag } = source {
            let seconds = format!("{:.3}", lag.as_secs_f64());
            response.header(Header::new("Rollcall-Replica-Lag", seconds));
        }
        LongBody::of(request).set(rows);
        response.ok()
    }
}
