use std::io::Cursor;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use rocket::http::{ContentType, Header};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, get, routes};
use tokio::select;
use utoipa::OpenApi;

use crate::domain::{Change, FieldError, Site};
use crate::http::guard::{MayRead, RequestQuery, SentMethod};
use crate::http::service::Service;
use crate::http::wire::schema::{self, parameters, problems};
use crate::http::wire::{Problem, Query, push_change};
use crate::store::ChangeRequest;

pub(crate) fn routes() -> Vec<Route> {
    routes![changes]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(changes))]
pub(crate) struct Documented;

parameters! {
    /// What a reader wants to be told.
    Wanted = [
        schema::query("after", schema::number(0, i64::MAX, 0), "Changes with a higher number are told."),
        schema::query("limit", schema::number(1, 1000, 1000), "How many are told at most."),
        schema::query(
            "wait",
            schema::number(0, 30, 0),
            "How many seconds the answer waits for a change if there is none.",
        ),
    ];
}

problems! {
    /// Why no changes are told.
    NotTold = INVALID_QUERY, UNAUTHENTICATED, FORBIDDEN, CHANGES_LOST, INTERNAL, BUSY, STORE_UNAVAILABLE
}

/// Everything that happened, in order, from a number on.
#[utoipa::path(
    get,
    path = "/table/changes",
    operation_id = "view_changes",
    tag = "Changes",
    description = "No change is ever skipped. Go on with the `next` of each answer. 409 `changes_lost` means that the \
        store was restored from a backup: start over with `after=0`.",
    params(Wanted),
    responses(
        (
            status = 200,
            description = "The changes; none if there is nothing new.",
            body = schema::Changes,
            headers(("Cache-Control" = String, description = "`no-store`."))
        ),
        NotTold,
    ),
)]
#[get("/table/changes")]
async fn changes(
    caller: MayRead,
    query: RequestQuery<'_>,
    method: SentMethod,
    service: &State<Service>,
) -> Result<Page, Problem> {
    let asked = read_request(query.parameters(), method)?;
    let stop = service.stopping.begun();
    let page = select! {
        page = service.changes.read(asked, stop) => page?,
        () = caller.token_end() => return Err(Problem::unauthenticated()),
    };
    let next = page.last().map_or(asked.after, Change::number);
    Ok(Page(page.text(|changes| write_page(changes, next, &service.site))))
}

fn write_page(changes: &[Change], next: i64, site: &Site) -> Vec<u8> {
    let mut json = b"{\"changes\":[".to_vec();
    for (index, change) in changes.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        push_change(&mut json, change, site);
    }
    json.extend_from_slice(format!("],\"next\":{next}}}").as_bytes());
    json
}

struct Page(Bytes);

impl<'r> Responder<'r, 'static> for Page {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        Response::build()
            .header(ContentType::JSON)
            // It holds names of people, which no cache on the way may keep.
            .header(Header::new("Cache-Control", "no-store"))
            .sized_body(self.0.len(), Cursor::new(self.0))
            .ok()
    }
}

/// Reads the parameters `after`, `limit` and `wait`.
fn read_request(mut query: Query<'_>, method: SentMethod) -> Result<ChangeRequest, Problem> {
    let after = number(&mut query, "after", 0..=i64::MAX, "must be a whole number from 0 on");
    let limit = number(&mut query, "limit", 1..=1000, "must be 1 to 1000");
    let wait = number(&mut query, "wait", 0..=30, "must be 0 to 30, in seconds");
    // There are no other forms here, so that `Accept` does not matter.
    let _: Option<()> = query.optional("format", |value| match value {
        "json" => Ok(()),
        _ => Err(FieldError::new("format", "invalid_choice", "must be json for changes")),
    });
    query.finish()?;
    // Nobody waits for the head of an answer.
    let wait = if method.is_head() { 0 } else { wait.unwrap_or(0) };
    Ok(ChangeRequest {
        after: after.unwrap_or(0),
        limit: limit.and_then(|limit| limit.try_into().ok()).unwrap_or(1000),
        wait: Duration::from_secs(wait.unsigned_abs()),
    })
}

/// The parameter `name`: decimal digits alone, in `range`.
fn number(
    query: &mut Query<'_>,
    name: &'static str,
    range: RangeInclusive<i64>,
    expected: &'static str,
) -> Option<i64> {
    query.optional(name, |value| {
        let digits = value.bytes().all(|byte| byte.is_ascii_digit()).then_some(value);
        let number = digits.and_then(|digits| digits.parse().ok());
        let error = FieldError::new(name, "invalid_number", expected);
        number.filter(|number| range.contains(number)).ok_or(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Option<(i64, u16, u64)> {
        let request = read_request(Query::parse(raw), SentMethod("GET")).ok()?;
        Some((request.after, request.limit, request.wait.as_secs()))
    }

    #[test]
    fn parameters_have_defaults_and_bounds() {
        assert_eq!(read(""), Some((0, 1000, 0)));
        assert_eq!(read("after=&x=%zz&format=json&wait="), Some((0, 1000, 0)));
        assert_eq!(read("wait=30&limit=1&%61fter=9223372036854775807"), Some((i64::MAX, 1, 30)));
        for invalid in [
            "after=-1",
            "after=%2B1",
            "after=9223372036854775808",
            "after=1&after=1",
            "after=%ff",
            "limit=0",
            "limit=1001",
            "limit=65537",
            "wait=31",
            "wait=1.5",
            "format=csv",
            "format=ndjson",
            "format=html",
        ] {
            assert_eq!(read(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn only_a_get_waits() {
        let waits = |method| {
            let request = read_request(Query::parse("wait=5"), SentMethod(method));
            request.map(|request| request.wait.as_secs()).ok()
        };
        assert_eq!((waits("GET"), waits("HEAD")), (Some(5), Some(0)));
    }
}
