use rocket::{Either, Route, State, get, post, routes};
use utoipa::OpenApi;

use super::amending::{Answer, correct_entry, trail, void_entry};
use crate::http::guard::{Browser, IdempotencyKeys, MayAmend, MayRead, ObjectBody, PathEntryId};
use crate::http::pages::{Frame, Page, Tab, Viewer, entry_page};
use crate::http::service::Service;
use crate::http::wire::Problem;
use crate::http::wire::schema::{self, problems};

pub(crate) fn routes() -> Vec<Route> {
    routes![entry]
}

/// Not on a gate agent, which forwards entries and nothing else.
pub(crate) fn amending_routes() -> Vec<Route> {
    routes![void, correct]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(entry))]
pub(crate) struct Documented;

/// Those that an agent does not have.
#[derive(OpenApi)]
#[openapi(paths(void, correct))]
pub(crate) struct AmendingDocumented;

problems! {
    /// Why an entry is not shown.
    NotShown = BAD_REQUEST, UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, INTERNAL, STORE_UNAVAILABLE
}

problems! {
    /// Why an entry is not voided.
    NotVoided = BAD_REQUEST, INVALID_JSON, INVALID_ENTRY, UNAUTHENTICATED, FORBIDDEN, CROSS_SITE, NOT_FOUND,
        ALREADY_AMENDED, BODY_TOO_LARGE, INTERNAL, BUSY, STORE_UNAVAILABLE
}

problems! {
    /// Why an entry is not corrected.
    NotCorrected = BAD_REQUEST, INVALID_JSON, INVALID_ENTRY, NOTHING_TO_CORRECT, UNAUTHENTICATED, FORBIDDEN,
        CROSS_SITE, NOT_FOUND, ALREADY_AMENDED, BODY_TOO_LARGE, ENTRY_ID_REUSED, INTERNAL, BUSY,
        STORE_UNAVAILABLE
}

/// An entry with its history.
#[utoipa::path(
    get,
    path = "/table/entry/{entry_id}",
    operation_id = "view_entry",
    tag = "Amendments",
    description = "An entry stands until it is voided or replaced.",
    params(schema::PathEntry, schema::PageForm),
    responses(
        (
            status = 200,
            description = "The entry, its state, and the changes of the whole chain of replacements, oldest first.",
            content((schema::EntryTrail = "application/json"), (String = "text/html"))
        ),
        NotShown,
    ),
)]
#[get("/table/entry/<_>")]
async fn entry(
    by: MayRead,
    id: PathEntryId,
    browser: Browser,
    service: &State<Service>,
) -> Result<Either<Answer, Page>, Problem> {
    let trail = trail(service, id.0).await?;
    if browser.wants_page {
        let mut viewer = Viewer::new(by.access(), by.caller.as_deref());
        viewer.may_amend &= service.forwarding.is_none();
        let frame = Frame::new(viewer, Tab::Other, browser);
        return entry_page(frame, &trail, &service.site).map(Either::Right);
    }
    Ok(Either::Left(Answer::of_trail(&trail, service, false)))
}

/// Takes an entry off its sheet.
#[utoipa::path(
    post,
    path = "/table/entry/{entry_id}/void",
    operation_id = "void_entry",
    tag = "Amendments",
    description = "Nothing is deleted: the entry stays in the trail. The same reason again changes nothing. A gate \
        agent does not have this route.",
    params(schema::PathEntry),
    request_body(content(
        (schema::Void = "application/json"),
        (schema::VoidForm = "application/x-www-form-urlencoded"),
    )),
    responses(
        (
            status = 200,
            description = "The entry is voided. To JSON.",
            body = schema::EntryTrail,
            headers(("Idempotent-Replayed" = bool, description = "`true` if it was voided for this reason before."))
        ),
        (
            status = 303,
            description = "The same. To a form.",
            headers(
                ("Location" = String, description = "The page of the entry."),
                ("Idempotent-Replayed" = bool, description = "`true` if it was voided for this reason before."),
            )
        ),
        NotVoided,
    ),
)]
#[post("/table/entry/<_>/void")]
async fn void(
    by: MayAmend,
    id: PathEntryId,
    body: ObjectBody<'_>,
    service: &State<Service>,
) -> Result<Answer, Problem> {
    let answer = void_entry(&by, id.0, &body.json, service).await?;
    Ok(if body.is_form { answer.instead_see(id.0) } else { answer })
}

/// Replaces an entry by a corrected one.
#[utoipa::path(
    post,
    path = "/table/entry/{entry_id}/correct",
    operation_id = "correct_entry",
    tag = "Amendments",
    description = "Members that are there replace the old ones. A voided entry can be replaced, which restores it. \
        The same `entry_id` for the same entry, outcome and reason is answered 200. A gate agent does not have this \
        route.",
    params(schema::PathEntry, schema::IdempotencyKey),
    request_body(content(
        (schema::Correction = "application/json"),
        (schema::CorrectionForm = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 201, description = "The replacement. To JSON.", body = schema::Entry),
        (
            status = 200,
            description = "The replacement, which was stored before. To JSON.",
            body = schema::Entry,
            headers(("Idempotent-Replayed" = bool, description = "`true`, unless this request itself stored it."))
        ),
        (
            status = 303,
            description = "The same. To a form.",
            headers(
                ("Location" = String, description = "The page of the entry that was replaced."),
                ("Idempotent-Replayed" = bool, description = "`true` if the replacement was stored before."),
            )
        ),
        NotCorrected,
    ),
)]
#[post("/table/entry/<_>/correct")]
async fn correct(
    by: MayAmend,
    id: PathEntryId,
    body: ObjectBody<'_>,
    keys: IdempotencyKeys<'_>,
    service: &State<Service>,
) -> Result<Answer, Problem> {
    let answer = correct_entry(&by, id.0, &body.json, &keys.0, service).await?;
    Ok(if body.is_form { answer.instead_see(id.0) } else { answer })
}
