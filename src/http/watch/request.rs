use std::time::Instant;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{Header, Method};
use rocket::{Request, Response};

use super::request_id::new_request_id;

use super::access_line::AccessLine;
use super::metrics::Metrics;
use super::trace_id::TraceId;
use crate::error_chain::ErrorChain;
use crate::http::wire::{LongBody, Reported, Target};

/// What the server knows of a request before it is routed.
pub(crate) struct Arrival {
    /// The client's `X-Request-Id` if it is 1 to 128 visible ASCII characters, else a new one.
    pub id: String,
    pub trace_id: Option<TraceId>,
    /// The method for logs and counts; `other` for one that HTTP does not define.
    pub method: &'static str,
    pub target: Target,
    at: Instant,
}

impl Arrival {
    /// `sent_id` is the value of `X-Request-Id`.
    pub(crate) fn now(
        method: &'static str,
        target: Target,
        sent_id: Option<&[u8]>,
        trace_id: Option<TraceId>,
    ) -> Self {
        let valid = sent_id.filter(|id| {
            (1..=128).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_graphic())
        });
        let id = match valid {
            Some(id) => String::from_utf8_lossy(id).into_owned(),
            None => new_request_id(),
        };
        Self { id, trace_id, method, target, at: Instant::now() }
    }

    /// This request's own. The server leaves it in every request.
    pub(crate) fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(|| Self::now("other", Target::Path, None, None))
    }
}

/// Counts each answer, writes its access line, and logs the cause of a failure.
pub(crate) struct Observer;

#[rocket::async_trait]
impl Fairing for Observer {
    fn info(&self) -> Info {
        Info { name: "counts and log lines", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let arrival = Arrival::of(request);
        // Rocket removes the body of an answer to HEAD after this.
        if arrival.method == Method::Head.as_str()
            && !response.headers().contains("Content-Length")
            && !LongBody::of(request).has_unknown_length()
            && let Some(length) = response.body_mut().size().await
        {
            response.set_header(Header::new("Content-Length", length.to_string()));
        }
        // The route's pattern, never the path, which may hold anything, such as a person's name.
        let route = request.route().map_or("none", |route| route.uri.path());
        let (status, duration) = (response.status().code, arrival.at.elapsed());
        let trace_id = arrival.trace_id.as_ref().map(TraceId::as_str);
        if let Some(metrics) = request.rocket().state::<Metrics>() {
            metrics.answered(arrival.method, route, status, duration);
            if let Some(problem) = Reported::of(request) {
                metrics.problem(problem.code());
            }
        }
        if let Some(problem) = Reported::of(request)
            && let Some(cause) = problem.cause()
        {
            let (code, cause) = (problem.code(), ErrorChain(cause));
            tracing::warn!(request_id = arrival.id, trace_id, code, %cause, "not served");
        }
        let Arrival { id: request_id, method, .. } = arrival;
        AccessLine { request_id, trace_id, method, route, status, duration }.write();
    }
}
