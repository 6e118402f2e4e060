use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::{Frame, Tab, time_of_day};
use super::page::Page;
use crate::domain::{Day, Site};
use crate::http::wire::Problem;

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage<'a> {
    frame: Frame,
    /// How many entries today's sheet has, if that could be read.
    count: Option<u64>,
    day: Day,
    time: String,
    zone: &'static str,
    /// Of this service, as the browser reached it.
    origin: &'a str,
    next: &'static str,
}

/// Today in short, or the form to sign in with, and what this service is.
pub(crate) fn start_page(
    frame: Frame,
    count: Option<u64>,
    site: &Site,
    now: DateTime<Utc>,
    origin: &str,
) -> Result<Page, Problem> {
    let (day, time, zone) = (site.day_of(now), time_of_day(now, site), site.zone_name());
    Page::of(&StartPage { frame, count, day, time, zone, origin, next: "/table" })
}
