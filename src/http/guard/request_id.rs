use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::http::watch::Arrival;

/// The id of a request, for log lines that are written after its answer has begun.
pub(crate) struct RequestId(pub(crate) String);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RequestId {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self(Arrival::of(request).id.clone()))
    }
}
