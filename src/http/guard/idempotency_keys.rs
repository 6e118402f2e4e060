use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

/// All values of the header `Idempotency-Key`.
pub(crate) struct IdempotencyKeys<'r>(pub Vec<&'r str>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for IdempotencyKeys<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self(request.headers().get("Idempotency-Key").collect()))
    }
}
