use std::collections::HashMap;

use super::people::Person;
use super::{Direction, Entry, Text};

/// Who is inside, gathered from the entries of the last hours in any order: each person whose
/// latest entry is one of direction `in`. Of two at the same moment the one with the higher id counts.
#[derive(Debug, Default)]
pub struct Inside {
    latest: HashMap<Person, Entry>,
    outs_seen: bool,
}

impl Inside {
    pub fn add(&mut self, entry: Entry) {
        self.outs_seen |= entry.passage.direction == Direction::Out;
        let moment = |entry: &Entry| (entry.passage.login, entry.id);
        let person = Person::of(&entry.passage);
        match self.latest.get_mut(&person) {
            Some(latest) if moment(latest) > moment(&entry) => {}
            Some(latest) => *latest = entry,
            None => drop(self.latest.insert(person, entry)),
        }
    }

    /// Whether anyone was recorded as going out. If not, the list only grows.
    pub fn outs_seen(&self) -> bool {
        self.outs_seen
    }

    /// Those inside, by last and first name; if `gate` is there, only those who came in through it.
    pub fn into_sorted(self, gate: Option<&Text>) -> Vec<Entry> {
        let is_wanted = |entry: &Entry| {
            entry.passage.direction == Direction::In
                && gate.is_none_or(|gate| entry.passage.gate.as_ref() == Some(gate))
        };
        let mut inside: Vec<_> = self.latest.into_values().filter(is_wanted).collect();
        inside.sort_by_cached_key(|Entry { id, passage }| {
            (passage.lastname.clone(), passage.firstname.clone(), *id)
        });
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Passage;

    fn inside(rows: &[(i64, i64, &str, &str, Direction)], gate: Option<&str>) -> (Vec<i64>, bool) {
        let text = |text: &str| Text::parse(text).unwrap();
        let mut inside = Inside::default();
        for &(id, second, name, at, direction) in rows {
            let login = chrono::DateTime::from_timestamp(second, 0).unwrap();
            let passage = Passage {
                entry_id: uuid::Uuid::from_u128(id as u128),
                login,
                received_at: login,
                firstname: text(name),
                lastname: text("x"),
                gate: Some(text(at)),
                direction,
                person_ref: None,
            };
            inside.add(Entry { id, passage });
        }
        let outs_seen = inside.outs_seen();
        let gate = gate.map(text);
        (inside.into_sorted(gate.as_ref()).iter().map(|entry| entry.id).collect(), outs_seen)
    }

    #[test]
    fn the_latest_entry_of_a_person_counts_and_a_tie_goes_to_the_higher_id() {
        use Direction::{In, Out};
        assert_eq!(
            inside(&[(1, 5, "b", "A", In), (2, 1, "a", "A", In)], None),
            (vec![2, 1], false)
        );
        assert_eq!(inside(&[(1, 5, "b", "A", In), (2, 4, "b", "A", Out)], None), (vec![1], true));
        assert_eq!(inside(&[(1, 5, "b", "A", In), (2, 5, "b", "A", Out)], None), (vec![], true));
        assert_eq!(inside(&[(2, 5, "b", "A", In), (1, 5, "b", "A", Out)], None), (vec![2], true));
    }

    #[test]
    fn a_gate_filters_after_the_latest_entry_was_found() {
        use Direction::{In, Out};
        let rows = [(1, 1, "b", "A", In), (2, 2, "b", "B", Out), (3, 3, "c", "A", In)];
        assert_eq!(inside(&rows, Some("A")), (vec![3], true));
        assert_eq!(inside(&rows, Some("B")), (vec![], true));
    }
}
