use rocket::http::Header;
use rocket::response::{Responder, Response};
use rocket::{Either, Request, Route, State, get, routes};
use utoipa::OpenApi;

use crate::domain::Day;
use crate::http::guard::{Browser, MayRead, RequestQuery};
use crate::http::pages::{Frame, RowsPage, Tab, Viewer, gates_page};
use crate::http::service::Service;
use crate::http::wire::schema::{self, problems};
use crate::http::wire::{Form, GateRow, LongBody, Problem, Rows, SpooledSheet, describe};
use crate::store::StoreError;

pub(crate) fn routes() -> Vec<Route> {
    routes![gates]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(gates))]
pub(crate) struct Documented;

problems! {
    /// Why the gates are not shown.
    NotShown = INVALID_QUERY, UNAUTHENTICATED, FORBIDDEN, INTERNAL, STORE_UNAVAILABLE
}

/// When each gate was heard of, what it still holds, and until when it is complete.
#[utoipa::path(
    get,
    path = "/table/gates",
    operation_id = "view_gates",
    tag = "Reading",
    description = "One for each valid token that is bound to a gate. What gates hold they say in batches.",
    params(schema::Forms),
    responses(
        (
            status = 200,
            description = "The gates; as CSV and NDJSON one in each row.",
            content(
                (schema::Gates = "application/json"),
                (String = "text/csv"),
                (String = "application/x-ndjson"),
                (String = "text/html"),
            ),
            headers(("Content-Disposition" = String, description = "The name of the file, for a CSV."))
        ),
        NotShown,
    ),
)]
#[get("/table/gates")]
async fn gates(
    caller: MayRead,
    query: RequestQuery<'_>,
    browser: Browser,
    service: &State<Service>,
) -> Result<Either<List, RowsPage>, Problem> {
    let now = service.clock.now();
    let (query, form) = query.parse();
    query.finish()?;
    let gates = service.reader.read(move |store| store.gates(now)).await?;
    let site = service.site;
    let mut spool = service.spools.begin();
    if form == Form::Json {
        spool.buffer().extend_from_slice(b"{\"gates\":");
    }
    let mut rows = Rows::new(form, site);
    rows.begin::<GateRow<'_>>(spool.buffer());
    for gate in &gates {
        rows.push(spool.buffer(), &GateRow { gate, is_silent: gate.is_silent(now) });
    }
    rows.end(spool.buffer());
    if form == Form::Json {
        spool.buffer().push(b'}');
    }
    let body = spool.finish().map_err(|error| Problem::from(StoreError::unspooled(error)))?;
    if form == Form::Html {
        let viewer = Viewer::new(caller.access(), caller.caller.as_deref());
        let frame = Frame::new(viewer, Tab::Gates, browser);
        return gates_page(frame, body, gates.len(), now, &site).map(Either::Right);
    }
    Ok(Either::Left(List { body, form, day: site.day_of(now) }))
}

/// The gates, as of `day`.
struct List {
    body: SpooledSheet,
    form: Form,
    day: Day,
}

impl<'r> Responder<'r, 'static> for List {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build();
        describe(&mut response, self.form, &format!("gates-{}", self.day));
        response.header(Header::new("Content-Length", self.body.length().to_string()));
        LongBody::of(request).set(self.body);
        response.ok()
    }
}
