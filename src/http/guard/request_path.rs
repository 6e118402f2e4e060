use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

/// The path of a request as it was sent, not decoded.
pub(crate) struct RequestPath<'r>(pub &'r str);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RequestPath<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self(request.uri().path().as_str()))
    }
}
