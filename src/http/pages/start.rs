use askama::Template;

use super::frame::{Frame, Tab};
use super::page::Page;
use crate::domain::Day;
use crate::http::wire::Problem;

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage<'a> {
    frame: Frame,
    /// For the links of examples.
    day: Day,
    /// Of this service, as the browser reached it.
    origin: &'a str,
    next: &'static str,
}

/// What this service is, and the form to sign in with. Where the viewer may read, it says that
/// today's sheet could not be read.
pub(crate) fn start_page(frame: Frame, day: Day, origin: &str) -> Result<Page, Problem> {
    Page::of(&StartPage { frame, day, origin, next: "/table" })
}
