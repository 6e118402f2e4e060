//! What every request has: an id, one line in the log, and its place in the counts.

use std::time::Instant;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{Header, Method};
use rocket::{Data, Request, Response};
use uuid::Uuid;

use super::metrics::Metrics;

/// Gives each request its id, and notes it once it is answered.
pub struct Requests;

/// What is known of a request from its arrival on.
pub struct Arrival {
    /// The client's `X-Request-Id` if it is 1 to 128 visible ASCII characters, else one of ours.
    pub id: String,
    method: Method,
    at: Instant,
    /// Whether the fairing saw it: what is no request to Rocket goes to a catcher straight away.
    pub regular: bool,
}

impl Arrival {
    /// This request's own.
    pub fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(|| Self::new(request, false))
    }

    fn new(request: &Request<'_>, regular: bool) -> Self {
        let id = request.headers().get_one("X-Request-Id").filter(|id| {
            (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        });
        Self {
            id: id.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned),
            method: request.method(),
            at: Instant::now(),
            regular,
        }
    }

    /// The header that names this request.
    pub fn header(&self) -> Header<'static> {
        Header::new("X-Request-Id", self.id.clone())
    }

    /// Counts the answer and writes the access line. Both name the route and not the path, in which
    /// a client may have put anything, names of people too.
    pub fn note(&self, request: &Request<'_>, response: &Response<'_>) {
        let route = request.route().map_or("none", |route| route.uri.path());
        let (status, took) = (response.status(), self.at.elapsed());
        if let Some(metrics) = request.rocket().state::<Metrics>() {
            metrics.answered(self.method, route, status, took);
        }
        tracing::info!(
            target: "rollcall::access",
            request_id = self.id,
            method = self.method.as_str(),
            route,
            status = status.code,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
    }
}

#[rocket::async_trait]
impl Fairing for Requests {
    fn info(&self) -> Info {
        Info { name: "request ids and access lines", kind: Kind::Request | Kind::Response }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        request.local_cache(|| Arrival::new(request, true));
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let arrival = Arrival::of(request);
        response.set_header(arrival.header());
        arrival.note(request, response);
    }
}
