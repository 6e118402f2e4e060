use std::borrow::Cow;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::entry_body::EntryBody;
use super::refusal::refuse;
use crate::http::wire::json_of_form;

/// The body of a request, as JSON or as a form of a page: complete, and not too long.
pub(crate) struct ObjectBody<'r> {
    pub json: Cow<'r, [u8]>,
    pub is_form: bool,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for ObjectBody<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let bytes = match EntryBody::from_request(request).await {
            Outcome::Success(body) => body.0,
            Outcome::Error(error) => return Outcome::Error(error),
            Outcome::Forward(status) => return Outcome::Forward(status),
        };
        // curl says that JSON is a form unless it is told otherwise.
        let is_form =
            request.content_type().is_some_and(|kind| kind.is_form()) && !bytes.starts_with(b"{");
        if !is_form {
            return Outcome::Success(Self { json: bytes.into(), is_form });
        }
        match json_of_form(bytes) {
            Ok(json) => Outcome::Success(Self { json: json.into(), is_form }),
            Err(problem) => refuse(request, problem),
        }
    }
}
