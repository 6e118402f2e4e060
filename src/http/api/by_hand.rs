use rocket::http::{Header, Status};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, post, routes};

use crate::domain::{Day, Recorded, parse_submission};
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
    let mut passage = parse_submission(&body.json, &[], service.clock.now())?;
    if let Some(caller) = by.caller {
        passage = caller.bind(passage).inspect_err(|_| metrics.refused())?;
    }
    let entry_id = passage.entry_id;
    let recorded = service.queue.record(passage).await;
    let recorded = recorded.map_err(|error| Problem::not_recorded(error, entry_id))?;
    metrics.recorded(&recorded);
    match recorded {
        Recorded::Created(entry) | Recorded::Replayed(entry) => {
            Ok(SeeSheet(service.site.day_of(entry.passage.login)))
        }
        Recorded::Reused => Err(Problem::entry_id_reused()),
    }
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
