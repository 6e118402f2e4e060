use rocket::Request;
use rocket::request::{FromRequest, Outcome};
use uuid::Uuid;

use super::refusal::refuse;
use crate::http::wire::{Problem, is_well_encoded};

/// The position of `<entry_id>` in `/table/entry/<entry_id>`.
const SEGMENT: usize = 2;

/// The `entry_id` in a path. One that is no UUID names nothing.
pub(crate) struct PathEntryId(pub Uuid);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for PathEntryId {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        if !is_well_encoded(request.uri().path().as_str()) {
            return refuse(request, Problem::bad_encoding());
        }
        // Only the hyphenated form: the `uuid` crate would accept three others too.
        let id = request
            .param::<&str>(SEGMENT)
            .and_then(Result::ok)
            .filter(|id| id.len() == 36)
            .and_then(|id| Uuid::try_parse(id).ok());
        match id {
            Some(id) => Outcome::Success(Self(id)),
            None => refuse(request, Problem::no_entry()),
        }
    }
}
