use rocket::http::{ContentType, Header};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, get, routes};

use crate::domain::{Day, InvalidDay, Site};
use crate::http::guard::{MayRead, RequestPath};
use crate::http::service::Service;
use crate::http::watch::Metrics;
use crate::http::wire::{LongBody, Problem, SpooledSheet, Spools, segments_after};
use crate::store::{Progress, Source, Store, StoreError};

pub(crate) fn routes() -> Vec<Route> {
    routes![view]
}

/// The whole sheet of a day.
#[get("/table/view/<_..>")]
async fn view(
    _caller: MayRead,
    path: RequestPath<'_>,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<Sheet, Problem> {
    let site = service.site;
    let day = match segments_after(path.0, "/table/view/")?.strip_prefix("date:") {
        Some("today") => site.day_of(service.clock.now()),
        Some(date) => Day::parse(date)?,
        None => return Err(InvalidDay.into()),
    };
    let spools = service.spools.clone();
    let read =
        move |store: &dyn Store, progress: &Progress| spool(store, &spools, site, day, progress);
    let (json, source) = service.sheets.read(day, read).await?;
    if source == Source::InsteadOfReplica {
        metrics.fell_back();
    }
    Ok(Sheet { json, source })
}

/// Reads the sheet of `day` into a spool, so that the connection to the store is free again before
/// the first byte is sent, however slow the reader is.
fn spool(
    store: &dyn Store,
    spools: &Spools,
    site: Site,
    day: Day,
    progress: &Progress,
) -> Result<SpooledSheet, StoreError> {
    let mut spool = spools.begin(site);
    store.each_entry(site.instants(day), &mut |entry| match spool
        .push(&entry)
        .map_err(StoreError::defect)?
    {
        true => progress.mark_portion(),
        false => Ok(()),
    })?;
    spool.finish().map_err(StoreError::defect)
}

/// A sheet, and the server that it was read from.
struct Sheet {
    json: SpooledSheet,
    source: Source,
}

impl<'r> Responder<'r, 'static> for Sheet {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build();
        response
            .header(ContentType::JSON)
            .header(Header::new("Content-Length", self.json.length().to_string()))
            // It holds names of people, which no cache on the way may keep.
            .header(Header::new("Cache-Control", "no-store"));
        if let Source::Replica { lag } = self.source {
            let seconds = format!("{:.3}", lag.as_secs_f64());
            response.header(Header::new("Rollcall-Replica-Lag", seconds));
        }
        LongBody::of(request).set(self.json);
        response.ok()
    }
}
