use std::io::Cursor;
use std::time::Instant;

use chrono::{DateTime, Utc};
use rocket::http::{ContentType, Status};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, post, routes};
use utoipa::OpenApi;

use super::recording::{Recording, StoredEntry};
use crate::domain::{GateContact, GateReport, Site, SubmittedBatch, parse_batch};
use crate::http::guard::{BatchBody, MayCreate, RequestId};
use crate::http::service::Service;
use crate::http::watch::{Metrics, log_not_noted, log_not_recorded};
use crate::http::wire::schema::{self, problems};
use crate::http::wire::{Problem, push_entry};

pub(crate) fn routes() -> Vec<Route> {
    routes![batch]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(batch))]
pub(crate) struct Documented;

problems! {
    /// Why a whole batch is not recorded.
    NotRecorded = BAD_REQUEST, INVALID_JSON, INVALID_ENTRY, UNAUTHENTICATED, FORBIDDEN, CROSS_SITE,
        GATE_MISMATCH, BODY_TOO_LARGE, INTERNAL, BUSY, STORE_UNAVAILABLE
}

/// Records up to 500 entries, each for itself. Without any it is a sign of life.
#[utoipa::path(
    post,
    path = "/table/batch",
    operation_id = "create_entries",
    tag = "Entries",
    description = "For gates that were offline. One invalid entry never holds up another. To send a batch again is \
        safe, also after a 503. The body has at most 1 MiB. With a token that is bound to a gate, what a batch says of the \
        gate is seen at `GET /table/gates` and in the header `Rollcall-Complete-Until` of sheets.",
    request_body = schema::Batch,
    responses(
        (
            status = 200,
            description = "What became of each entry, in the same order: a stored one is stored for good.",
            body = schema::BatchResults
        ),
        NotRecorded,
    ),
)]
#[post("/table/batch")]
async fn batch(
    by: MayCreate,
    body: BatchBody<'_>,
    request_id: RequestId,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<Results, Problem> {
    let arrived = Instant::now();
    // Kept until the entries are recorded.
    let receipt = service.receive();
    let SubmittedBatch { entries, gate, report } = parse_batch(body.0, receipt.at)?;
    let caller = by.caller.as_deref();
    let recording = Recording { service, metrics, caller, trace_id: None };
    recording.check_gate(gate.as_ref())?;
    metrics.batch(entries.len());
    let logins: Vec<_> = entries.iter().map(|entry| Some(entry.as_ref().ok()?.login)).collect();
    let results = recording.record_all(entries).await?;
    if let Some(caller) = caller.filter(|caller| caller.is_bound()) {
        let contact = GateContact {
            token: caller.name.clone(),
            received_at: receipt.at,
            last_entry: last_entry(&results),
            report: report.map(|report| remaining(report, &logins, &results)),
        };
        // Only now, and before the answer: the gate is never said to be complete while an entry of
        // this batch is missing, and its next batch comes later than this one.
        match service.queue.note(contact, arrived).await {
            Ok(()) => {}
            // A sign of life: there is nothing else to store.
            Err(error) if results.is_empty() => return Err(error.into()),
            Err(error) => log_not_noted(&request_id.id, request_id.trace_id(), &error),
        }
    }
    for problem in results.iter().filter_map(|result| result.as_ref().err()) {
        metrics.problem(problem.code());
    }
    let causes = results.iter().filter_map(|result| result.as_ref().err()?.cause());
    log_not_recorded(&request_id.id, request_id.trace_id(), causes);
    Ok(Results { results, site: service.site })
}

/// When the latest of the entries that are stored was received.
fn last_entry(results: &[Result<StoredEntry, Problem>]) -> Option<DateTime<Utc>> {
    let stored = results.iter().filter_map(|result| result.as_ref().ok());
    stored.map(|stored| stored.entry.passage.received_at).max()
}

/// The report, with the entries of the batch that are not stored and may still follow: the gate sends
/// them again, or they are stored once what is wrong with them is mended.
fn remaining(
    report: GateReport,
    logins: &[Option<DateTime<Utc>>],
    results: &[Result<StoredEntry, Problem>],
) -> GateReport {
    let may_follow = |result: &Result<_, Problem>| {
        // Under the `entry_id` of any other one there is an entry, for good.
        result.as_ref().is_err_and(|problem| problem.status() != Status::UnprocessableEntity)
    };
    let held = logins.iter().zip(results).filter(|(_, result)| may_follow(result));
    held.fold(report, |report, (login, _)| match login {
        Some(login) => report.still_holding(*login),
        None => report.promising_nothing(),
    })
}

/// What became of each entry of a batch.
struct Results {
    results: Vec<Result<StoredEntry, Problem>>,
    site: Site,
}

impl Results {
    fn json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(64 + 512 * self.results.len());
        json.extend_from_slice(b"{\"results\":[");
        for (number, result) in self.results.iter().enumerate() {
            if number > 0 {
                json.push(b',');
            }
            match result {
                Ok(StoredEntry { entry, is_replay }) => {
                    let status = if *is_replay { "200" } else { "201" };
                    push_status(&mut json, status);
                    json.extend_from_slice(b"\"entry\":");
                    push_entry(&mut json, entry, &self.site);
                }
                Err(problem) => {
                    push_status(&mut json, &problem.status().code.to_string());
                    json.extend_from_slice(b"\"problem\":");
                    // Strings and numbers always serialize, and writing to a Vec cannot fail.
                    let _ = serde_json::to_writer(&mut json, problem);
                }
            }
            json.push(b'}');
        }
        json.extend_from_slice(b"]}");
        json
    }
}

fn push_status(json: &mut Vec<u8>, status: &str) {
    json.extend_from_slice(b"{\"status\":");
    json.extend_from_slice(status.as_bytes());
    json.push(b',');
}

impl<'r> Responder<'r, 'static> for Results {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let json = self.json();
        Response::build().header(ContentType::JSON).sized_body(json.len(), Cursor::new(json)).ok()
    }
}
