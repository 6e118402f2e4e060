use std::io::Cursor;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, post, routes};

use crate::domain::{Entry, Recorded, Site, parse_submission};
use crate::http::guard::{EntryBody, IdempotencyKeys, MayCreateFromAnySite};
use crate::http::service::Service;
use crate::http::watch::Metrics;
use crate::http::wire::{Problem, push_entry};

pub(crate) fn routes() -> Vec<Route> {
    routes![create]
}

/// Records an entry.
#[post("/table/create")]
async fn create(
    by: MayCreateFromAnySite,
    body: EntryBody<'_>,
    keys: IdempotencyKeys<'_>,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<StoredEntry, Problem> {
    let mut passage = parse_submission(body.0, &keys.0, service.clock.now())?;
    if let Some(caller) = by.caller {
        passage = caller.bind(passage).inspect_err(|_| metrics.refused())?;
    }
    let entry_id = passage.entry_id;
    let recorded = service.queue.record(passage).await;
    let recorded = recorded.map_err(|error| Problem::not_recorded(error, entry_id))?;
    metrics.recorded(&recorded);
    let site = service.site;
    match recorded {
        Recorded::Created(entry) => Ok(StoredEntry { entry, site, replayed: false }),
        Recorded::Replayed(entry) => Ok(StoredEntry { entry, site, replayed: true }),
        Recorded::Reused => Err(Problem::entry_id_reused()),
    }
}

/// 201 and the entry if it is new, 200 if it is a replay.
struct StoredEntry {
    entry: Entry,
    site: Site,
    replayed: bool,
}

impl<'r> Responder<'r, 'static> for StoredEntry {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut json = Vec::with_capacity(512);
        push_entry(&mut json, &self.entry, &self.site);
        let mut response = Response::build();
        response.header(ContentType::JSON).sized_body(json.len(), Cursor::new(json));
        match self.replayed {
            true => response.header(Header::new("Idempotent-Replayed", "true")),
            false => response.status(Status::Created),
        };
        response.ok()
    }
}
