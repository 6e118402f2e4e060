use rocket::http::Header;
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, get, routes};

use super::reading::{begin_entries, spool_entries};
use crate::domain::{Day, InvalidDay, Site};
use crate::http::guard::{MayRead, RequestPath, RequestQuery};
use crate::http::service::Service;
use crate::http::watch::Metrics;
use crate::http::wire::{
    Form, Listing, LongBody, Problem, Rows, SpooledSheet, Spools, change_header, describe,
    segments_after,
};
use crate::store::{Progress, ReadSheet, Source, Store, StoreError};

pub(crate) fn routes() -> Vec<Route> {
    routes![view]
}

/// The whole sheet of a day, or the entries of it that are wanted.
#[get("/table/view/<_..>")]
async fn view(
    _caller: MayRead,
    path: RequestPath<'_>,
    query: RequestQuery<'_>,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<Sheet, Problem> {
    let site = service.site;
    let day = match segments_after(path.0, "/table/view/")?.strip_prefix("date:") {
        Some("today") => site.day_of(service.clock.now()),
        Some(date) => Day::parse(date)?,
        None => return Err(InvalidDay.into()),
    };
    let (mut query, form) = query.parse();
    let listing = Listing::of(&mut query, form);
    query.finish()?;
    let (key, spools) = ((day, listing.clone()), service.spools.clone());
    let read = move |store: &dyn Store, progress: &Progress| {
        spool(store, &spools, site, day, &listing, progress)
    };
    let read = service.sheets.read(key, read).await?;
    if read.source == Source::InsteadOfReplica {
        metrics.fell_back();
    }
    Ok(Sheet { read, form, day })
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
) -> Result<SpooledSheet, StoreError> {
    let (mut spool, mut rows) = (spools.begin(), Rows::new(listing.form, site));
    begin_entries(listing, &rows, &mut spool);
    spool_entries(store, site.instants(day), listing, &mut rows, &mut spool, progress)?;
    rows.end(spool.buffer());
    spool.finish().map_err(StoreError::defect)
}

/// A sheet of a day.
struct Sheet {
    read: ReadSheet<SpooledSheet>,
    form: Form,
    day: Day,
}

impl<'r> Responder<'r, 'static> for Sheet {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build();
        describe(&mut response, self.form, &format!("attendance-{}", self.day));
        let ReadSheet { sheet, source, change } = self.read;
        response.header(Header::new("Content-Length", sheet.length().to_string()));
        response.header(change_header(change));
        if let Source::Replica { lag } = source {
            let seconds = format!("{:.3}", lag.as_secs_f64());
            response.header(Header::new("Rollcall-Replica-Lag", seconds));
        }
        LongBody::of(request).set(sheet);
        response.ok()
    }
}
