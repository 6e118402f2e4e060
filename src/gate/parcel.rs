use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Error;

use crate::domain::{Entry, Passage, Stamp};
use crate::store::Backlog;

/// How many entries a batch has at most.
pub(super) const MAX_ENTRIES: usize = 500;

/// What is sent to the upstream at once.
#[derive(Debug)]
pub(super) struct Parcel {
    /// By ascending id.
    pub(super) entries: Vec<Entry>,
    /// Whether they had been held back.
    pub(super) is_retry: bool,
    /// Every entry that was received before this moment is in this parcel, in an earlier one, or in
    /// what is left.
    pub(super) as_of: DateTime<Utc>,
    /// What is left beside this parcel.
    pub(super) left: Backlog,
    /// Whether there is more to send at once.
    pub(super) has_more: bool,
}

/// The body of `POST /table/batch`.
#[derive(Serialize)]
struct Body<'a> {
    entries: Vec<EntryBody<'a>>,
    as_of: &'a str,
    pending: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_pending: Option<&'a str>,
}

/// The body of a create.
#[derive(Serialize)]
struct EntryBody<'a> {
    entry_id: String,
    occurred_at: String,
    firstname: &'a str,
    lastname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'a str>,
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_ref: Option<&'a str>,
}

impl Parcel {
    pub(super) fn to_json(&self) -> Result<Vec<u8>, Error> {
        let (pending, oldest) = self.left.may_follow();
        let oldest = oldest.map(|oldest| Stamp::utc(oldest.min(self.as_of)));
        serde_json::to_vec(&Body {
            entries: self.entries.iter().map(|entry| EntryBody::of(&entry.passage)).collect(),
            as_of: Stamp::utc(self.as_of).as_str(),
            pending,
            oldest_pending: oldest.as_ref().map(Stamp::as_str),
        })
    }
}

impl<'a> EntryBody<'a> {
    fn of(passage: &'a Passage) -> Self {
        let Passage { entry_id, login, firstname, lastname, gate, direction, person_ref, .. } =
            passage;
        Self {
            entry_id: entry_id.to_string(),
            // Always: the moment at the gate, and not that of the upstream's receipt.
            occurred_at: Stamp::utc(*login).as_str().to_owned(),
            firstname,
            lastname,
            gate: gate.as_deref(),
            direction: direction.as_str(),
            person_ref: person_ref.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Direction, Text};
    use crate::store::Rejected;

    fn entry(text: &str, has_all: bool) -> Entry {
        let text = Text::parse(text).unwrap();
        let moment = "2026-09-21T06:00:00.000001Z".parse().unwrap();
        let passage = Passage {
            entry_id: Uuid::nil(),
            login: moment,
            received_at: moment,
            firstname: text.clone(),
            lastname: text.clone(),
            gate: has_all.then(|| text.clone()),
            direction: Direction::Out,
            person_ref: has_all.then(|| text.clone()),
        };
        Entry { id: 1, passage }
    }

    fn parcel(entries: Vec<Entry>, left: Backlog) -> Parcel {
        let as_of = "2026-09-21T07:00:00Z".parse().unwrap();
        Parcel { entries, is_retry: false, as_of, left, has_more: false }
    }

    #[test]
    fn the_body_is_what_the_contract_says() {
        let oldest_pending = Some("2026-09-21T05:00:00Z".parse().unwrap());
        let left = Backlog { pending: 3, oldest_pending, ..Backlog::default() };
        let body = parcel(vec![entry("a", false), entry("b", true)], left).to_json().unwrap();
        let id = Uuid::nil();
        let moment = "2026-09-21T06:00:00.000001Z";
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({
                "entries": [
                    {"entry_id": id, "occurred_at": moment, "firstname": "a", "lastname": "a",
                     "direction": "out"},
                    {"entry_id": id, "occurred_at": moment, "firstname": "b", "lastname": "b",
                     "gate": "b", "direction": "out", "person_ref": "b"},
                ],
                "as_of": "2026-09-21T07:00:00.000000Z",
                "pending": 3,
                "oldest_pending": "2026-09-21T05:00:00.000000Z",
            })
        );
        let empty = parcel(Vec::new(), Backlog::default()).to_json().unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&empty).unwrap(),
            json!({"entries": [], "as_of": "2026-09-21T07:00:00.000000Z", "pending": 0})
        );
    }

    #[test]
    fn what_is_left_is_never_reported_as_later_than_the_moment_of_the_report() {
        let oldest_pending = Some("2030-01-01T00:00:00Z".parse().unwrap());
        let left = Backlog { pending: 1, oldest_pending, ..Backlog::default() };
        let body = parcel(Vec::new(), left).to_json().unwrap();
        let body = serde_json::from_slice::<Value>(&body).unwrap();
        assert_eq!(body["oldest_pending"], body["as_of"]);
    }

    /// A gate is not complete without them.
    #[test]
    fn rejected_entries_that_may_still_follow_are_reported_too() {
        let [rejected, pending] =
            ["2026-09-21T04:00:00Z", "2026-09-21T05:00:00Z"].map(|text| text.parse().unwrap());
        for (waiting, reasons, expected) in [
            (
                (2, Some(pending)),
                (1, 3, 9, Some(rejected)),
                json!([6, "2026-09-21T04:00:00.000000Z"]),
            ),
            ((0, None), (0, 1, 0, Some(rejected)), json!([1, "2026-09-21T04:00:00.000000Z"])),
            // The upstream has entries with their ids, so nothing follows.
            ((2, Some(pending)), (0, 0, 1, None), json!([2, "2026-09-21T05:00:00.000000Z"])),
            ((0, None), (0, 0, 1, None), json!([0, null])),
        ] {
            let (invalid, forbidden, reused, oldest) = reasons;
            let left = Backlog {
                pending: waiting.0,
                oldest_pending: waiting.1,
                postponed: 0,
                rejected: Rejected { invalid, forbidden, reused, oldest },
            };
            let body = parcel(Vec::new(), left).to_json().unwrap();
            let body = serde_json::from_slice::<Value>(&body).unwrap();
            assert_eq!(json!([body["pending"], body["oldest_pending"]]), expected);
        }
    }

    /// So bytes need not be counted.
    #[test]
    fn as_many_of_the_longest_entries_as_a_batch_may_have_are_less_than_a_mebibyte() {
        for character in ["\"", "\u{1f469}"] {
            let entries = vec![entry(&character.repeat(100), true); MAX_ENTRIES];
            let body = parcel(entries, Backlog::default()).to_json().unwrap();
            assert!(body.len() < 1024 * 1024 - 1024, "{}", body.len());
        }
    }
}
