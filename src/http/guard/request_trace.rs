use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::http::watch::{Arrival, TraceId};

/// The trace that a request is part of.
pub(crate) struct RequestTrace(pub Option<TraceId>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RequestTrace {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self(Arrival::of(request).trace_id))
    }
}
