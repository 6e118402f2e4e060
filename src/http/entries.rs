use std::io::Cursor;
use std::time::Duration;

use rocket::data::ToByteUnit;
use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use rocket::tokio::io::{self, AsyncReadExt};
use rocket::tokio::time::timeout;
use rocket::{Data, Request, Route, State, post, routes};

use super::entry_json::push_entry;
use super::metrics::Metrics;
use super::problem::Problem;
use crate::domain::{Clock, Entry, NewEntry, Recorded, Site};
use crate::store::Queue;

/// The longest body of a create, in bytes.
const MAX_BODY: u64 = 16 * 1024;

/// How much of a body that is too long is read and thrown away, in bytes. A client that still
/// sends when the connection closes would see a reset, and not why.
const MAX_DISCARDED: u64 = 4 * 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

pub fn routes() -> Vec<Route> {
    routes![create]
}

/// Records an entry, whatever its `Content-Type` says.
#[post("/table/create", data = "<body>")]
async fn create(
    body: Data<'_>,
    keys: IdempotencyKeys<'_>,
    queue: &State<Queue>,
    site: &State<Site>,
    clock: &State<Clock>,
    metrics: &State<Metrics>,
) -> Result<Answer, Problem> {
    let body = read(body).await?;
    let entry = NewEntry::parse(&body, &keys.0, clock.now())?;
    let entry_id = entry.entry_id;
    let recorded =
        queue.record(entry).await.map_err(|error| Problem::not_recorded(error, entry_id))?;
    metrics.recorded(&recorded);
    match recorded {
        Recorded::Created(entry) => Ok(Answer { entry, site: **site, replayed: false }),
        Recorded::Replayed(entry) => Ok(Answer { entry, site: **site, replayed: true }),
        Recorded::Reused => Err(Problem::entry_id_reused()),
    }
}

/// The stored entry: 201 when it is new, 200 when it was there.
struct Answer {
    entry: Entry,
    site: Site,
    replayed: bool,
}

impl<'r> Responder<'r, 'static> for Answer {
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

/// All values of the header `Idempotency-Key`.
struct IdempotencyKeys<'r>(Vec<&'r str>);

#[rocket::async_trait]
impl<'r> rocket::request::FromRequest<'r> for IdempotencyKeys<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> rocket::request::Outcome<Self, Self::Error> {
        let keys = request.headers().get("Idempotency-Key").collect();
        rocket::request::Outcome::Success(Self(keys))
    }
}

/// The whole body, unless it is too long or does not arrive.
async fn read(body: Data<'_>) -> Result<Vec<u8>, Problem> {
    let mut stream = body.open(MAX_DISCARDED.bytes());
    let mut bytes = Vec::with_capacity(512);
    let reading = async {
        (&mut stream).take(MAX_BODY + 1).read_to_end(&mut bytes).await?;
        if bytes.len() as u64 > MAX_BODY {
            io::copy(&mut stream, &mut io::sink()).await?;
        }
        Ok::<_, io::Error>(())
    };
    match timeout(BODY_TIMEOUT, reading).await {
        _ if bytes.len() as u64 > MAX_BODY => Err(Problem::body_too_large(MAX_BODY)),
        Ok(Ok(())) => Ok(bytes),
        Ok(Err(_)) => Err(Problem::bad_request("The body broke off before its end.")),
        Err(_) => Err(Problem::bad_request("The body did not arrive within 10 seconds.")),
    }
}
