use askama::Template;
use bytes::Bytes;
use rocket::Request;
use rocket::http::Header;
use rocket::response::{Responder, Response};

use super::page::Page;
use crate::http::wire::{Freshness, LongBody, Problem, SpooledSheet};

/// Where a template has its rows. A text from a client cannot contain it, because it is escaped.
const MARK: &str = "<!--rows-->";

/// A page around any number of rows, which are not held in memory.
pub(crate) struct RowsPage {
    before: Page,
    rows: SpooledSheet,
    after: String,
    freshness: Option<Freshness>,
}

impl RowsPage {
    /// The page that `template` makes, with the rows where its mark is.
    pub(super) fn of(template: &impl Template, rows: SpooledSheet) -> Result<Self, Problem> {
        let (before, after) = Page::of(template)?.split(MARK);
        Ok(Self { before, rows, after, freshness: None })
    }

    /// The page, which says how current its rows are.
    pub(crate) fn with_freshness(self, freshness: Freshness) -> Self {
        Self { freshness: Some(freshness), ..self }
    }
}

impl<'r> Responder<'r, 'static> for RowsPage {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let Self { before, rows, after, freshness } = self;
        let mut response = Response::new();
        let before = Bytes::from(before.into_headers(&mut response));
        let after = Bytes::from(after);
        let length = (before.len() + after.len()) as u64 + rows.length();
        response.set_header(Header::new("Content-Length", length.to_string()));
        if let Some(freshness) = freshness {
            freshness.set_headers(&mut response);
        }
        LongBody::of(request).set_between(before, rows, after);
        Ok(response)
    }
}
