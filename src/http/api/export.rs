use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, get, routes};
use tokio::select;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use utoipa::OpenApi;

use super::reading::{begin_entries, spool_entries};
use crate::domain::{Day, DayRange, Site};
use crate::http::guard::{MayRead, RequestId, RequestQuery};
use crate::http::service::{MAX_EXPORTS, Service};
use crate::http::watch::log_broken_off;
use crate::http::wire::schema::{self, problems};
use crate::http::wire::{
    Form, Freshness, Listing, LongBody, PartSender, Parts, Problem, ReaderLeft, Rows, SpooledSheet,
    Spools, describe, parts,
};
use crate::store::{Reader, StoreError};

pub(crate) fn routes() -> Vec<Route> {
    routes![export]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(export))]
pub(crate) struct Documented;

problems! {
    /// Why nothing is exported.
    NotExported = INVALID_QUERY, UNAUTHENTICATED, FORBIDDEN, INTERNAL, BUSY, STORE_UNAVAILABLE
}

/// The sheets of many days, one after the other.
#[utoipa::path(
    get,
    path = "/table/export",
    operation_id = "export_entries",
    tag = "Reading",
    description = "Days in order, lowest id first within each day. An error in the middle breaks the connection.",
    params(schema::DayRange, schema::Filters, schema::Forms),
    responses(
        (
            status = 200,
            description = "The entries of the days. There is no page: `format=html` gets JSON.",
            content(
                (Vec<schema::ListedEntry> = "application/json"),
                (String = "text/csv", example = json!(schema::CSV_OF_ENTRIES)),
                (String = "application/x-ndjson"),
            ),
            headers(
                ("Rollcall-Change" = i64, description = "The export contains every change up to this number."),
                ("Content-Disposition" = String, description = "The name of the file, for a CSV."),
                ("Cache-Control" = String, description = "`no-store`."),
                ("Vary" = String, description = "`Accept`, by which the form is chosen."),
            )
        ),
        NotExported,
    ),
)]
#[get("/table/export")]
async fn export(
    caller: MayRead,
    query: RequestQuery<'_>,
    request_id: RequestId,
    service: &State<Service>,
) -> Result<Export, Problem> {
    let (mut query, form) = query.parse();
    let form = form.without_page();
    let (days, listing) = (query.days(), Listing::of(&mut query, form));
    query.finish()?;
    // Without an error the days are there.
    let Some(days) = days else { return Err(Problem::internal()) };
    let permit = service.exports.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::too_many_exports(MAX_EXPORTS))?;
    let mut days_left = DaysLeft {
        reader: service.reader.clone(),
        spools: service.spools.clone(),
        site: service.site,
        rows: Rows::new(form, service.site),
        listing,
    };
    // Before the snapshots of the days, so that each contains these changes.
    let freshness = Freshness::of_primary(service.changes.settled().await);
    // Read before the answer begins, so that a store that is away is still a problem document.
    let first = days_left.read(days.first(), true).await?;
    let (sender, body) = parts();
    let sending = Sending { days_left, sender, request_id, _permit: permit };
    tokio::spawn(sending.run(days, first, caller.token_end()));
    Ok(Export { body, form, days, freshness })
}

/// An export whose answer has begun.
struct Sending {
    days_left: DaysLeft,
    sender: PartSender,
    request_id: RequestId,
    /// The export counts as running until this is dropped.
    _permit: OwnedSemaphorePermit,
}

impl Sending {
    /// Sends the `first` of the days, which has been read, and all others, unless the token ends
    /// before. Without a clean end the connection breaks.
    async fn run(
        mut self,
        days: DayRange,
        first: SpooledSheet,
        token_end: impl Future<Output = ()>,
    ) {
        let sent = select! {
            sent = self.send(days, first) => sent,
            () = token_end => Err(BrokenOff::Token),
        };
        let Self { sender, request_id, .. } = self;
        match sent {
            // If the client has left, nobody has to be told.
            Ok(()) => drop(sender.end().await),
            Err(BrokenOff::Reader) => {}
            Err(cause) => log_broken_off(&request_id.id, request_id.trace_id(), &cause),
        }
    }

    /// Reads day after day, each in one snapshot. No connection to the store is held while the
    /// client accepts a day.
    async fn send(&mut self, days: DayRange, first: SpooledSheet) -> Result<(), BrokenOff> {
        send_day(first, &self.sender).await?;
        for day in days.days().skip(1) {
            let sheet = self.days_left.read(day, false).await?;
            send_day(sheet, &self.sender).await?;
        }
        let mut end = Vec::new();
        self.days_left.rows.end(&mut end);
        Ok(self.sender.send(end.into()).await?)
    }
}

async fn send_day(sheet: SpooledSheet, sender: &PartSender) -> Result<(), BrokenOff> {
    let mut position = 0;
    while position < sheet.length() {
        let from = sheet.clone();
        let chunk = spawn_blocking(move || from.chunk(position)).await;
        let chunk = chunk.map_err(StoreError::defect)?.map_err(StoreError::defect)?;
        position += chunk.len() as u64;
        sender.send(chunk).await?;
    }
    Ok(())
}

/// What is needed to read the days that are left.
struct DaysLeft {
    reader: Reader,
    spools: Spools,
    site: Site,
    listing: Listing,
    rows: Rows,
}

impl DaysLeft {
    /// The rows of one day, with what comes before all rows if it is the first.
    async fn read(&mut self, day: Day, is_first: bool) -> Result<SpooledSheet, StoreError> {
        let (site, listing, mut rows) = (self.site, self.listing.clone(), self.rows.clone());
        let spools = self.spools.clone();
        let read = self.reader.read_long(move |store, progress| {
            let mut spool = spools.begin();
            if is_first {
                begin_entries(&listing, &rows, &mut spool);
            }
            spool_entries(
                store,
                site.instants(day),
                &listing,
                &mut rows,
                &mut spool,
                progress,
                |_| (),
            )?;
            Ok((spool.finish().map_err(StoreError::unspooled)?, rows))
        });
        let (sheet, rows) = read.await?;
        self.rows = rows;
        Ok(sheet)
    }
}

/// The reasons to end an export before its end.
#[derive(Debug, thiserror::Error)]
enum BrokenOff {
    #[error("the client has left")]
    Reader,
    #[error("the token is no longer valid")]
    Token,
    #[error("a day cannot be read")]
    Store(#[from] StoreError),
}

impl From<ReaderLeft> for BrokenOff {
    fn from(_: ReaderLeft) -> Self {
        Self::Reader
    }
}

/// An export whose first day has been read.
struct Export {
    body: Parts,
    form: Form,
    days: DayRange,
    freshness: Freshness,
}

impl<'r> Responder<'r, 'static> for Export {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build();
        describe(&mut response, self.form, &format!("attendance-{}", self.days));
        let mut response = response.finalize();
        self.freshness.set_headers(&mut response);
        LongBody::of(request).set_parts(self.body);
        Ok(response)
    }
}
