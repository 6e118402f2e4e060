use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::{Frame, Tab};
use super::rows::RowsPage;
use super::shown_moment::ShownMoment;
use crate::domain::Site;
use crate::http::wire::{Problem, SpooledSheet};

#[derive(Template)]
#[template(path = "gates.html")]
struct GatesPage {
    frame: Frame,
    as_of: ShownMoment,
    zone: &'static str,
    count: usize,
}

/// When each gate was heard of, and what it still holds. `rows` are `count` gates.
pub(crate) fn gates_page(
    frame: Frame,
    rows: SpooledSheet,
    count: usize,
    as_of: DateTime<Utc>,
    site: &Site,
) -> Result<RowsPage, Problem> {
    let as_of = ShownMoment::new(as_of, site);
    RowsPage::of(&GatesPage { frame, as_of, zone: site.zone_name(), count }, rows)
}
