use askama::Template;
use uuid::Uuid;

use super::filled::Filled;
use super::frame::{Frame, Tab};
use super::page::Page;
use super::shown_moment::ShownMoment;
use crate::domain::{Change, Passage, Site, State, Trail};
use crate::http::wire::Problem;

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPage<'a> {
    frame: Frame,
    zone: &'static str,
    id: i64,
    entry_id: Uuid,
    firstname: &'a str,
    lastname: &'a str,
    gate: Option<&'a str>,
    person_ref: Option<&'a str>,
    direction: &'static str,
    day: String,
    login: ShownMoment,
    received: ShownMoment,
    state: &'static str,
    replaces: Option<Uuid>,
    replacement: Option<Uuid>,
    steps: Vec<Step>,
    may_void: bool,
    may_correct: bool,
    /// Has the `entry_id` of the replacement, so that it can be sent twice.
    correction: Filled,
    void: Filled,
}

/// One step of the entry's history, oldest first.
struct Step {
    number: i64,
    at: ShownMoment,
    what: What,
}

enum What {
    /// The id is absent for the entry of the page.
    Recorded {
        other: Option<Uuid>,
    },
    Voided {
        other: Option<Uuid>,
        reason: String,
        by: Option<String>,
    },
    /// `is_this`: whether the replacement is the entry of the page.
    Replaced {
        other: Option<Uuid>,
        replacement: Uuid,
        is_this: bool,
        reason: String,
        by: Option<String>,
    },
    Erased {
        other: Option<Uuid>,
    },
}

/// An entry with its trail, and the forms to amend it.
pub(crate) fn entry_page(frame: Frame, trail: &Trail, site: &Site) -> Result<Page, Problem> {
    let entry = trail.entry();
    let passage = &entry.passage;
    let is_amendable = frame.viewer.may_amend && !trail.is_erased();
    let state = trail.state();
    Page::of(&EntryPage {
        zone: site.zone_name(),
        day: site.day_of(passage.login).to_string(),
        login: ShownMoment::new(passage.login, site),
        received: ShownMoment::new(passage.received_at, site),
        state: state.as_str(),
        replaces: trail.replaces(),
        replacement: trail.replacement().map(|entry| entry.passage.entry_id),
        steps: trail.history().iter().map(|change| step(change, passage.entry_id, site)).collect(),
        may_void: is_amendable && state == State::Stands,
        may_correct: is_amendable && state != State::Replaced,
        correction: correction(passage),
        void: Filled::default(),
        id: entry.id,
        entry_id: passage.entry_id,
        firstname: &passage.firstname,
        lastname: &passage.lastname,
        gate: passage.gate.as_deref(),
        person_ref: passage.person_ref.as_deref(),
        direction: passage.direction.as_str(),
        frame,
    })
}

/// The form as it begins: with what the entry has.
fn correction(passage: &Passage) -> Filled {
    Filled::with([
        ("entry_id", &Uuid::now_v7().to_string()),
        ("firstname", &passage.firstname),
        ("lastname", &passage.lastname),
        ("person_ref", passage.person_ref.as_deref().unwrap_or_default()),
        ("gate", passage.gate.as_deref().unwrap_or_default()),
        ("direction", passage.direction.as_str()),
    ])
}

fn step(change: &Change, of_page: Uuid, site: &Site) -> Step {
    let other = |id: Uuid| (id != of_page).then_some(id);
    let (at, what) = match change {
        Change::Created(entry) => {
            let passage = &entry.passage;
            (passage.received_at, What::Recorded { other: other(passage.entry_id) })
        }
        Change::Amended(stored) => {
            let amendment = &stored.amendment;
            let other = other(amendment.entry_id);
            let (reason, by) = (amendment.reason.to_string(), amendment.by.clone());
            let what = match amendment.replacement {
                None => What::Voided { other, reason, by },
                Some(replacement) => {
                    let is_this = replacement == of_page;
                    What::Replaced { other, replacement, is_this, reason, by }
                }
            };
            (amendment.at, what)
        }
        Change::Erased(erasure) => (erasure.at, What::Erased { other: other(erasure.entry_id) }),
    };
    Step { number: change.number(), at: ShownMoment::new(at, site), what }
}
