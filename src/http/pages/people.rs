use askama::Template;

use super::frame::{Frame, Tab};
use super::rows::RowsPage;
use crate::domain::{DayRange, Site};
use crate::http::wire::{Problem, SpooledSheet};

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    title: String,
    zone: &'static str,
    from: String,
    to: String,
    /// Both days as in the query.
    query: String,
    is_empty: bool,
}

/// When each person came first and went last, day by day.
pub(crate) fn people_page(
    frame: Frame,
    days: DayRange,
    rows: SpooledSheet,
    site: &Site,
) -> Result<RowsPage, Problem> {
    let (first, last) = (days.first(), days.last());
    let title = match first == last {
        true => first.in_words(),
        false => format!("{} to {}", first.in_words(), last.in_words()),
    };
    let page = PeoplePage {
        frame,
        title,
        zone: site.zone_name(),
        from: first.dashed(),
        to: last.dashed(),
        query: format!("from={first}&to={last}"),
        is_empty: rows.length() == 0,
    };
    RowsPage::of(&page, rows)
}
