use std::convert::Infallible;

use rocket::Request;
use rocket::http::Accept;
use rocket::request::{FromRequest, Outcome};

use crate::http::wire::{Form, Query};

/// The query of a request and the types that it accepts, by which a route finds out what is wanted.
pub(crate) struct RequestQuery<'r> {
    raw: &'r str,
    accept: Option<&'r Accept>,
}

impl<'r> RequestQuery<'r> {
    /// The parameters alone, for a route that has one form.
    pub(crate) fn parameters(&self) -> Query<'r> {
        Query::parse(self.raw)
    }

    /// The parameters, and the form that is wanted.
    pub(crate) fn parse(&self) -> (Query<'r>, Form) {
        let mut query = self.parameters();
        let form = Form::wanted(&mut query, self.accept);
        (query, form)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RequestQuery<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let raw = request.uri().query().map_or("", |query| query.as_str());
        Outcome::Success(Self { raw, accept: request.accept() })
    }
}
