use std::io::Cursor;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, post, routes};
use utoipa::OpenApi;

use super::recording::{Recording, StoredEntry};
use crate::domain::Site;
use crate::http::guard::{EntryBody, IdempotencyKeys, MayCreateFromAnySite, RequestTrace};
use crate::http::service::Service;
use crate::http::watch::Metrics;
use crate::http::wire::schema::{self, problems};
use crate::http::wire::{Problem, push_entry};

pub(crate) fn routes() -> Vec<Route> {
    routes![create]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(create))]
pub(crate) struct Documented;

problems! {
    /// Why an entry is not recorded.
    NotRecorded = BAD_REQUEST, INVALID_JSON, INVALID_ENTRY, UNAUTHENTICATED, FORBIDDEN, CROSS_SITE,
        GATE_MISMATCH, BODY_TOO_LARGE, ENTRY_ID_REUSED, INTERNAL, BUSY, STORE_UNAVAILABLE
}

/// Records an entry.
#[utoipa::path(
    post,
    path = "/table/create",
    operation_id = "create_entry",
    tag = "Entries",
    description = "201 and 200 mean stored for good: committed and flushed to disk. The same `entry_id` with the \
        same content is answered 200 with what is stored, so that a retry is safe, for as long as the entry lives. \
        The body has at most 16 KiB, and is read as JSON whatever its `Content-Type` says.",
    params(schema::IdempotencyKey),
    request_body = schema::NewEntry,
    responses(
        (status = 201, description = "The entry is stored.", body = schema::Entry),
        (
            status = 200,
            description = "It was stored before. This is what is stored.",
            body = schema::Entry,
            headers(("Idempotent-Replayed" = bool, description = "`true`"))
        ),
        NotRecorded,
    ),
)]
#[post("/table/create")]
async fn create(
    by: MayCreateFromAnySite,
    body: EntryBody<'_>,
    keys: IdempotencyKeys<'_>,
    trace: RequestTrace,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<Answer, Problem> {
    let recording = Recording { service, metrics, caller: by.caller.as_deref(), trace_id: trace.0 };
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
