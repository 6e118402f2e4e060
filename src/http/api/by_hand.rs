use rocket::{Route, State, post, routes};
use utoipa::OpenApi;

use super::recording::Recording;
use crate::http::guard::{MayCreate, ObjectBody, RequestTrace};
use crate::http::service::Service;
use crate::http::watch::Metrics;
use crate::http::wire::schema::{self, problems};
use crate::http::wire::{Problem, SeeOther};

pub(crate) fn routes() -> Vec<Route> {
    routes![record]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(record))]
pub(crate) struct Documented;

problems! {
    /// Why an entry is not recorded.
    NotRecorded = BAD_REQUEST, INVALID_JSON, INVALID_ENTRY, UNAUTHENTICATED, FORBIDDEN, CROSS_SITE,
        GATE_MISMATCH, BODY_TOO_LARGE, ENTRY_ID_REUSED, INTERNAL, BUSY, STORE_UNAVAILABLE
}

/// Records an entry that a clerk wrote into the form of today's sheet, and goes to the sheet that it is
/// on. `POST /table/create` takes only JSON, and answers with it.
#[utoipa::path(
    post,
    path = "/table/entry",
    operation_id = "create_entry_by_hand",
    tag = "Entries",
    summary = "Records an entry by a form.",
    description = "What the form on today's page sends. `POST /table/create` is for programs.",
    request_body(content(
        (schema::EntryForm = "application/x-www-form-urlencoded"),
        (schema::NewEntry = "application/json"),
    )),
    responses(
        (
            status = 303,
            description = "The entry is stored.",
            headers(("Location" = String, description = "The sheet that it is on."))
        ),
        NotRecorded,
    ),
)]
#[post("/table/entry")]
async fn record(
    by: MayCreate,
    body: ObjectBody<'_>,
    trace: RequestTrace,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<SeeOther, Problem> {
    let recording = Recording { service, metrics, caller: by.caller.as_deref(), trace_id: trace.0 };
    let stored = recording.record(&body.json, &[]).await?;
    let day = service.site.day_of(stored.entry.passage.login);
    Ok(SeeOther(format!("/table/view/date:{day}")))
}
