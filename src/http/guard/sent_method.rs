use std::convert::Infallible;

use rocket::Request;
use rocket::http::Method;
use rocket::request::{FromRequest, Outcome};

use crate::http::watch::Arrival;

/// The method that a request was sent with. Rocket hands HEAD to handlers as GET.
pub(crate) struct SentMethod(pub &'static str);

impl SentMethod {
    pub(crate) fn is_head(&self) -> bool {
        self.0 == Method::Head.as_str()
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SentMethod {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self(Arrival::of(request).method))
    }
}
