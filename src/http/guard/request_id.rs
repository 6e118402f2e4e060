use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::http::watch::{Arrival, TraceId};

/// The ids of a request, for log lines that are written after its answer has begun.
pub(crate) struct RequestId {
    pub(crate) id: String,
    trace_id: Option<TraceId>,
}

impl RequestId {
    pub(crate) fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_ref().map(TraceId::as_str)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RequestId {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let Arrival { id, trace_id, .. } = Arrival::of(request);
        Outcome::Success(Self { id: id.clone(), trace_id: *trace_id })
    }
}
