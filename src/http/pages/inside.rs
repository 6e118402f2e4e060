use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::{Frame, Tab};
use super::page::Page;
use super::shown_moment::ShownMoment;
use crate::domain::{Entry, Site};
use crate::http::wire::{Problem, encoded_query};

/// Who is inside, as a page shows it.
pub(crate) struct InsideView<'a> {
    /// By last and first name.
    pub entries: &'a [Entry],
    pub as_of: DateTime<Utc>,
    pub since: DateTime<Utc>,
    pub outs_seen: bool,
    /// Only people who came in here, if it is named.
    pub gate: Option<&'a str>,
    /// Whether the list is grouped by gate.
    pub is_by_gate: bool,
}

#[derive(Template)]
#[template(path = "inside.html")]
struct InsidePage<'a> {
    frame: Frame,
    as_of: ShownMoment,
    since: ShownMoment,
    zone: &'static str,
    outs_seen: bool,
    count: usize,
    gate: Option<&'a str>,
    is_by_gate: bool,
    groups: Vec<Group<'a>>,
    /// The filter as the end of a query.
    filters: String,
}

/// People under one heading.
struct Group<'a> {
    /// The gate, in a list by gates.
    heading: Option<&'a str>,
    people: Vec<Inside<'a>>,
}

struct Inside<'a> {
    firstname: &'a str,
    lastname: &'a str,
    person_ref: Option<&'a str>,
    gate: Option<&'a str>,
    login: ShownMoment,
}

/// The list for a fire drill: on paper, with boxes to tick.
pub(crate) fn inside_page(
    frame: Frame,
    view: &InsideView<'_>,
    site: &Site,
) -> Result<Page, Problem> {
    let people = view.entries.iter().map(|entry| person(entry, site));
    let groups = match view.is_by_gate {
        true => by_gate(people),
        false => vec![Group { heading: None, people: people.collect() }],
    };
    Page::of(&InsidePage {
        frame,
        as_of: ShownMoment::new(view.as_of, site),
        since: ShownMoment::new(view.since, site),
        zone: site.zone_name(),
        outs_seen: view.outs_seen,
        count: view.entries.len(),
        gate: view.gate,
        is_by_gate: view.is_by_gate,
        groups,
        filters: encoded_query(&[("gate", view.gate.unwrap_or_default())]),
    })
}

/// One group for each gate, by name. The order within a group stays.
fn by_gate<'a>(people: impl Iterator<Item = Inside<'a>>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for person in people {
        let heading = Some(person.gate.unwrap_or("No gate named"));
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.people.push(person),
            None => groups.push(Group { heading, people: vec![person] }),
        }
    }
    groups.sort_by_key(|group| group.heading);
    groups
}

fn person<'a>(entry: &'a Entry, site: &Site) -> Inside<'a> {
    let passage = &entry.passage;
    Inside {
        firstname: &passage.firstname,
        lastname: &passage.lastname,
        person_ref: passage.person_ref.as_deref(),
        gate: passage.gate.as_deref(),
        login: ShownMoment::new(passage.login, site),
    }
}
