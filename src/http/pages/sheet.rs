use askama::Template;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::arrivals::Arrivals;
use super::completeness::{Completeness, Until};
use super::filled::Filled;
use super::frame::{Frame, Tab};
use super::rows::RowsPage;
use super::shown_moment::ShownMoment;
use crate::domain::{Day, DaySummary, Filter, Gate, Passages, Site};
use crate::http::wire::{Freshness, Problem, SpooledSheet, blank_entry_rows, encoded_query};

/// What the page of a sheet shows.
pub(crate) struct SheetView<'a> {
    pub day: Day,
    pub rows: SpooledSheet,
    /// Whether the rows were not asked for.
    pub leaves_rows_out: bool,
    pub freshness: Freshness,
    pub summary: &'a DaySummary,
    pub gates: &'a [Gate],
    pub filter: &'a Filter,
    /// The part of a name that was searched for.
    pub search: Option<String>,
    pub includes_amended: bool,
    pub now: DateTime<Utc>,
    /// How many people are inside, on the page of today.
    pub inside: Option<usize>,
    /// The address of this service, on the page that tells newcomers about it.
    pub origin: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct SheetPage<'a> {
    frame: Frame,
    title: String,
    day: Day,
    date: String,
    before: Option<Day>,
    after: Option<Day>,
    is_today: bool,
    /// On today's sheet.
    live: Option<Live>,
    leaves_rows_out: bool,
    is_empty: bool,
    as_of: ShownMoment,
    /// If gates say how complete they are.
    completeness: Option<Completeness<'a>>,
    zone: &'static str,
    entries: u64,
    people: usize,
    inside: Option<usize>,
    gates: Vec<(Option<&'a str>, Passages)>,
    arrivals: Arrivals,
    gate: &'a str,
    direction: &'static str,
    person_ref: &'a str,
    search: &'a str,
    includes_amended: bool,
    is_filtered: bool,
    /// The filters as the end of a query: `&gate=A`.
    filters: String,
    /// The form to record by hand. It has an `entry_id`, so that it can be sent twice.
    form: Filled,
    origin: Option<&'a str>,
}

/// What the script needs that keeps today's sheet current.
struct Live {
    begins: ShownMoment,
    ends: ShownMoment,
    /// The page contains every change up to this number.
    change: i64,
    blank_rows: String,
}

/// The sheet of a day: figures first, then the entries.
pub(crate) fn sheet_page(
    frame: Frame,
    view: SheetView<'_>,
    site: &Site,
) -> Result<RowsPage, Problem> {
    let SheetView { day, summary, filter, freshness, .. } = view;
    let gate = filter.gate.as_deref().unwrap_or_default();
    let direction = filter.direction.map_or("", |direction| direction.as_str());
    let person_ref = filter.person_ref.as_deref().unwrap_or_default();
    let search = view.search.as_deref().unwrap_or_default();
    let include = if view.includes_amended { "amended" } else { "" };
    let filters = encoded_query(&[
        ("gate", gate),
        ("direction", direction),
        ("person_ref", person_ref),
        ("q", search),
        ("include", include),
    ]);
    let is_today = site.day_of(view.now) == day;
    let page = SheetPage {
        frame,
        title: day.in_words(),
        day,
        date: day.dashed(),
        before: day.previous(),
        after: day.next(),
        is_today,
        live: is_today.then(|| live(day, freshness, site)),
        leaves_rows_out: view.leaves_rows_out,
        is_empty: view.rows.length() == 0,
        as_of: ShownMoment::new(view.now, site),
        completeness: Completeness::of(view.gates, &site.instants(day), view.now, site),
        zone: site.zone_name(),
        entries: summary.entries,
        people: summary.people(),
        inside: view.inside,
        gates: summary.gates.iter().map(|(gate, passages)| (gate.as_deref(), *passages)).collect(),
        arrivals: Arrivals::of(summary, site),
        gate,
        direction,
        person_ref,
        search,
        includes_amended: view.includes_amended,
        is_filtered: !filters.is_empty(),
        filters,
        form: Filled::with([("entry_id", &Uuid::now_v7().to_string())]),
        origin: view.origin,
    };
    Ok(RowsPage::of(&page, view.rows)?.with_freshness(freshness))
}

fn live(day: Day, freshness: Freshness, site: &Site) -> Live {
    let instants = site.instants(day);
    Live {
        begins: ShownMoment::new(instants.start, site),
        ends: ShownMoment::new(instants.end, site),
        change: freshness.change,
        blank_rows: blank_entry_rows(),
    }
}
