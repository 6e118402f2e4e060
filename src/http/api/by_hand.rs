use rocket::http::{Header, Status};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, post, routes};

use super::recording::Recording;
use crate::domain::Day;
use crate::http::guard::{MayCreate, ObjectBody};
use crate::http::service::Service;
use crate::http::watch::Metrics;
use crate::http::wire::Problem;

pub(crate) fn routes() -> Vec<Route> {
    routes![record]
}

/// Records an entry that a clerk wrote into the form of today's sheet. `POST /table/create` takes
/// only JSON, and answers with it.
#[post("/table/entry")]
async fn record(
    by: MayCreate,
    body: ObjectBody<'_>,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<SeeSheet, Problem> {
    let recording = Recording { service, metrics, caller: by.caller.as_deref() };
    let stored = recording.record(&body.json, &[]).await?;
    Ok(SeeSheet(service.site.day_of(stored.entry.passage.login)))
}

/// The browser goes to the sheet that the entry is on.
struct SeeSheet(Day);

impl<'r> Responder<'r, 'static> for SeeSheet {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        Response::build()
            .status(Status::SeeOther)
            .header(Header::new("Location", format!("/table/view/date:{}", self.0)))
            .header(Header::new("Cache-Control", "no-store"))
            .ok()
    }
}
