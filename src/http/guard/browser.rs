use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::http::wire::prefers_html;

/// What a page needs to know of its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Browser {
    /// Whether a page is wanted, and not JSON: by the parameter `format`, else by `Accept`.
    pub wants_page: bool,
    /// Whether it says from which site its requests come (`Sec-Fetch-Site`). Browsers do, except
    /// over plain HTTP.
    pub names_site: bool,
}

impl Browser {
    pub(crate) fn of(request: &Request<'_>) -> Self {
        let wants_page = match request.query_value::<&str>("format") {
            Some(Ok(format)) if !format.is_empty() => format == "html",
            _ => prefers_html(request.accept()),
        };
        Self { wants_page, names_site: request.headers().contains("Sec-Fetch-Site") }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Browser {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self::of(request))
    }
}
