use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::refusal::refuse;
use crate::http::wire::RequestBody;

/// The longest body of a create, in bytes.
const MAX_LENGTH: usize = 16 * 1024;

/// The body of a create: complete, and not too long. Its `Content-Type` does not matter.
pub(crate) struct EntryBody<'r>(pub &'r [u8]);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for EntryBody<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match RequestBody::of(request).bytes(MAX_LENGTH).await {
            Ok(bytes) => Outcome::Success(Self(bytes)),
            Err(problem) => refuse(request, problem),
        }
    }
}
