use rocket::http::Header;
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, get, routes};
use utoipa::OpenApi;

use super::reading::each_entry;
use crate::domain::{Day, DayRange, FieldError, People, PersonDay};
use crate::http::guard::{Browser, MayRead, RequestQuery};
use crate::http::pages::{Frame, RowsPage, Tab, Viewer, people_page};
use crate::http::service::Service;
use crate::http::wire::schema::{self, problems};
use crate::http::wire::{
    Form, Freshness, LongBody, Problem, Query, Rows, SeeOther, SpooledSheet, describe,
};
use crate::store::StoreError;

pub(crate) fn routes() -> Vec<Route> {
    routes![people]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(people))]
pub(crate) struct Documented;

problems! {
    /// Why nobody is shown.
    NotShown = INVALID_QUERY, UNAUTHENTICATED, FORBIDDEN, INTERNAL, STORE_UNAVAILABLE
}

/// Each person on each day: when they came first, when they went last.
#[utoipa::path(
    get,
    path = "/table/people",
    operation_id = "view_people",
    tag = "Reading",
    description = "By date, last and first name. A person is identified by `person_ref` where there is one, else by \
        both names.",
    params(schema::DayRange, schema::Forms),
    responses(
        (
            status = 200,
            description = "The people of the days.",
            content(
                (Vec<schema::PersonDay> = "application/json"),
                (String = "text/csv", example = json!(schema::CSV_OF_PEOPLE)),
                (String = "application/x-ndjson"),
                (String = "text/html"),
            ),
            headers(
                ("Rollcall-Change" = i64, description = "They contain every change up to this number."),
                ("Content-Disposition" = String, description = "The name of the file, for a CSV."),
            )
        ),
        (
            status = 303,
            description = "The page is asked for without days.",
            headers(("Location" = String, description = "The page of this month."))
        ),
        NotShown,
    ),
)]
#[get("/table/people")]
async fn people(
    caller: MayRead,
    query: RequestQuery<'_>,
    browser: Browser,
    service: &State<Service>,
) -> Result<Answer, Problem> {
    let (mut query, form) = query.parse();
    if form == Form::Html
        && let Some(path) = days_of_form(&mut query, service)
    {
        return Ok(Answer::See(path));
    }
    let days = query.days();
    query.finish()?;
    // Without an error the days are there.
    let Some(days) = days else { return Err(Problem::internal()) };
    let (site, spools) = (service.site, service.spools.clone());
    // Before the snapshots of the days, so that each contains these changes.
    let freshness = Freshness::of_primary(service.changes.settled().await);
    let read = service.reader.read_long(move |store, progress| {
        let (mut spool, mut rows) = (spools.begin(), Rows::new(form, site));
        rows.begin::<PersonDay>(spool.buffer());
        for day in days.days() {
            let mut people = People::of(day);
            each_entry(store, &site.instants(day).into(), progress, |entry| people.add(entry))?;
            for person in people.into_sorted() {
                rows.push(spool.buffer(), &person);
                spool.flush_if_full().map_err(StoreError::unspooled)?;
            }
            progress.mark_alive();
        }
        rows.end(spool.buffer());
        spool.finish().map_err(StoreError::unspooled)
    });
    let body = read.await?;
    if form == Form::Html {
        let viewer = Viewer::new(caller.access(), caller.caller.as_deref());
        let frame = Frame::new(viewer, Tab::People, browser);
        let page = people_page(frame, days, body, &site)?;
        return Ok(Answer::Page(page.with_freshness(freshness)));
    }
    Ok(Answer::Rows(Hours { body, form, days, freshness }))
}

/// The path with the days that the form of the page names, as browsers write days; without any days
/// the path with this month until today. `None` if the query has `from` and `to`.
fn days_of_form(query: &mut Query<'_>, service: &Service) -> Option<String> {
    let day = |name| {
        move |value: &str| {
            Day::parse(&value.replace('-', ""))
                .map_err(|e| FieldError::new(name, "invalid_date", e.to_string()))
        }
    };
    let (first, last) =
        (query.optional("first", day("first")), query.optional("last", day("last")));
    let has_days = ["from", "to"].into_iter().any(|name| query.has(name));
    let today = service.site.day_of(service.clock.now());
    match (first, last) {
        (Some(first), Some(last)) => Some(format!("/table/people?from={first}&to={last}")),
        _ if has_days || query.has_errors() => None,
        _ => {
            let from = today.first_of_month();
            Some(format!("/table/people?from={from}&to={today}"))
        }
    }
}

/// The people of some days, in the form that is wanted.
enum Answer {
    Rows(Hours),
    Page(RowsPage),
    /// A browser is sent to this path.
    See(String),
}

impl<'r> Responder<'r, 'static> for Answer {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        match self {
            Self::Rows(hours) => hours.respond_to(request),
            Self::Page(page) => page.respond_to(request),
            Self::See(path) => SeeOther(path).respond_to(request),
        }
    }
}

/// The people of some days.
struct Hours {
    body: SpooledSheet,
    form: Form,
    days: DayRange,
    freshness: Freshness,
}

impl<'r> Responder<'r, 'static> for Hours {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build();
        describe(&mut response, self.form, &format!("people-{}", self.days));
        response.header(Header::new("Content-Length", self.body.length().to_string()));
        let mut response = response.finalize();
        self.freshness.set_headers(&mut response);
        LongBody::of(request).set(self.body);
        Ok(response)
    }
}
