use std::io::Cursor;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, post, routes};

use super::recording::{Recording, StoredEntry};
use crate::domain::Site;
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
) -> Result<Answer, Problem> {
    let recording = Recording { service, metrics, caller: by.caller.as_deref() };
    let stored = recording.record(body.0, &keys.0).await?;
    Ok(Answer { stored, site: service.site })
}

/// 201 and the entry if it is new, 200 if it is a replay.
struct Answer {
    stored: StoredEntry,
    site: Site,
}

impl<'r> Responder<'r, 'static> for Answer {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut json = Vec::with_capacity(512);
        push_entry(&mut json, &self.stored.entry, &self.site);
        let mut response = Response::build();
        response.header(ContentType::JSON).sized_body(json.len(), Cursor::new(json));
        match self.stored.is_replay {
            true => response.header(Header::new("Idempotent-Replayed", "true")),
            false => response.status(Status::Created),
        };
        response.ok()
    }
}
