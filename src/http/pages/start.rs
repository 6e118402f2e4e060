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
    /// Why today's sheet is not shown to a viewer who may read it.
    trouble: &'a str,
}

/// What this service is, and the form to sign in with. To a viewer who may read, it says instead that today's
/// sheet cannot be read, because of this trouble.
pub(crate) fn start_page(
    frame: Frame,
    day: Day,
    origin: &str,
    trouble: &str,
) -> Result<Page, Problem> {
    Page::of(&StartPage { frame, day, origin, next: "/table", trouble })
}
