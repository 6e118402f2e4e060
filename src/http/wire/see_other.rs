use rocket::Request;
use rocket::http::{Header, Status};
use rocket::response::{Responder, Response};

/// Sends a browser to a path of ours.
pub(crate) struct SeeOther(pub String);

impl<'r> Responder<'r, 'static> for SeeOther {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        Response::build()
            .status(Status::SeeOther)
            .header(Header::new("Location", self.0))
            // The path may have a name that was searched for, and other clients may get JSON.
            .header(Header::new("Cache-Control", "no-store"))
            .header(Header::new("Vary", "Accept"))
            .ok()
    }
}
