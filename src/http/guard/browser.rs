use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::upstream_notice::UpstreamNotice;
use crate::http::wire::prefers_html;

/// What a page needs to know of its request.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    /// Whether a page is wanted, and not JSON: by the parameter `format`, else by `Accept`.
    pub wants_page: bool,
    /// The same of a problem: a link to a file is followed by a browser, too.
    pub wants_page_of_problem: bool,
    /// Whether it says from which site its requests come (`Sec-Fetch-Site`). Browsers do, except
    /// over plain HTTP.
    pub names_site: bool,
    /// What a gate agent has to say on every page.
    pub notice: Option<String>,
}

impl Browser {
    /// Without a notice.
    pub(crate) fn of(request: &Request<'_>) -> Self {
        let accepts_page = prefers_html(request.accept());
        let named = request.query_value::<&str>("format").and_then(Result::ok);
        let (wants_page, wants_page_of_problem) = match named {
            None | Some("") => (accepts_page, accepts_page),
            Some("html") => (true, true),
            Some("json") => (false, false),
            Some(_) => (false, accepts_page),
        };
        let names_site = request.headers().contains("Sec-Fetch-Site");
        Self { wants_page, wants_page_of_problem, names_site, notice: None }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Browser {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let browser = Self::of(request);
        let notice = match request.rocket().state::<UpstreamNotice>() {
            Some(notice) if browser.wants_page => notice.read().await,
            _ => None,
        };
        Outcome::Success(Self { notice, ..browser })
    }
}
