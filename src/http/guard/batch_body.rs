use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::refusal::refuse;
use crate::http::wire::RequestBody;

/// The longest body of a batch, in bytes.
const MAX_LENGTH: usize = 1024 * 1024;

/// The body of a batch: complete, and not too long. Its `Content-Type` does not matter.
pub(crate) struct BatchBody<'r>(pub &'r [u8]);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for BatchBody<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match RequestBody::of(request).bytes(MAX_LENGTH).await {
            Ok(bytes) => Outcome::Success(Self(bytes)),
            Err(problem) => refuse(request, problem),
        }
    }
}
