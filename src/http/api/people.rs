use rocket::http::Header;
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, get, routes};

use super::reading::each_entry;
use crate::domain::{DayRange, People, PersonDay};
use crate::http::guard::{MayRead, RequestQuery};
use crate::http::service::Service;
use crate::http::wire::{Form, LongBody, Problem, Rows, SpooledSheet, change_header, describe};
use crate::store::StoreError;

pub(crate) fn routes() -> Vec<Route> {
    routes![people]
}

/// Each person on each day: when they came first, when they went last.
#[get("/table/people")]
async fn people(
    _caller: MayRead,
    query: RequestQuery<'_>,
    service: &State<Service>,
) -> Result<Hours, Problem> {
    let (mut query, form) = query.parse();
    let days = query.days();
    query.finish()?;
    // Without an error the days are there.
    let Some(days) = days else { return Err(Problem::internal()) };
    let (site, spools) = (service.site, service.spools.clone());
    // Before the snapshots of the days, so that each contains these changes.
    let change = service.changes.settled().await;
    let read = service.reader.read_long(move |store, progress| {
        let (mut spool, mut rows) = (spools.begin(), Rows::new(form, site));
        rows.begin::<PersonDay>(spool.buffer());
        for day in days.days() {
            let mut people = People::of(day);
            each_entry(store, site.instants(day), progress, |entry| people.add(entry))?;
            for person in people.into_sorted() {
                rows.push(spool.buffer(), &person);
                spool.flush_if_full().map_err(StoreError::defect)?;
            }
            progress.mark_alive();
        }
        rows.end(spool.buffer());
        spool.finish().map_err(StoreError::defect)
    });
    Ok(Hours { body: read.await?, form, days, change })
}

/// The people of some days.
struct Hours {
    body: SpooledSheet,
    form: Form,
    days: DayRange,
    /// They contain every change up to this one.
    change: i64,
}

impl<'r> Responder<'r, 'static> for Hours {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build();
        describe(&mut response, self.form, &format!("people-{}", self.days));
        response.header(change_header(self.change));
        response.header(Header::new("Content-Length", self.body.length().to_string()));
        LongBody::of(request).set(self.body);
        response.ok()
    }
}
