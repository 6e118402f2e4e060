use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Day, Direction, Entry, Passage, Text};

/// What tells one person from another: the badge or staff number where there is one, else both
/// names as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Person {
    Ref(Text),
    Names(Text, Text),
}

impl Person {
    pub(super) fn of(passage: &Passage) -> Self {
        match &passage.person_ref {
            Some(person_ref) => Self::Ref(person_ref.clone()),
            None => Self::Names(passage.firstname.clone(), passage.lastname.clone()),
        }
    }
}

/// One person's presence on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonDay {
    pub day: Day,
    /// The names are those of the person's latest entry of the day.
    pub firstname: Text,
    pub lastname: Text,
    pub person_ref: Option<Text>,
    /// The first moment at which the person came in.
    pub first_in: Option<DateTime<Utc>>,
    /// The last moment at which the person went out.
    pub last_out: Option<DateTime<Utc>>,
    /// How many entries the person has.
    pub entries: u64,
    /// The `login` and the id of the latest entry.
    latest: (DateTime<Utc>, i64),
}

/// The people of one day, gathered from its entries in any order.
#[derive(Debug)]
pub struct People {
    day: Day,
    by_person: HashMap<Person, PersonDay>,
}

impl People {
    pub fn of(day: Day) -> Self {
        Self { day, by_person: HashMap::new() }
    }

    pub fn add(&mut self, Entry { id, passage }: Entry) {
        let login = passage.login;
        let person = self.by_person.entry(Person::of(&passage)).or_insert_with(|| PersonDay {
            day: self.day,
            firstname: passage.firstname.clone(),
            lastname: passage.lastname.clone(),
            person_ref: passage.person_ref.clone(),
            first_in: None,
            last_out: None,
            entries: 0,
            latest: (login, id),
        });
        person.entries += 1;
        match passage.direction {
            Direction::In => {
                person.first_in = Some(person.first_in.map_or(login, |first| first.min(login)));
            }
            Direction::Out => person.last_out = person.last_out.max(Some(login)),
        }
        if person.latest <= (login, id) {
            person.latest = (login, id);
            (person.firstname, person.lastname) = (passage.firstname, passage.lastname);
        }
    }

    /// By last and first name.
    pub fn into_sorted(self) -> Vec<PersonDay> {
        let mut people: Vec<_> = self.by_person.into_values().collect();
        let key = |p: &PersonDay| (p.lastname.clone(), p.firstname.clone(), p.person_ref.clone());
        people.sort_by_cached_key(key);
        people
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(
        id: i64,
        minute: u8,
        names: [&str; 2],
        badge: Option<&str>,
        direction: Direction,
    ) -> Entry {
        let login = DateTime::from_timestamp(1_561_334_400 + i64::from(minute) * 60, 0).unwrap();
        let text = |text: &str| Text::parse(text).unwrap();
        let passage = Passage {
            entry_id: uuid::Uuid::from_u128(id as u128),
            login,
            received_at: login,
            firstname: text(names[0]),
            lastname: text(names[1]),
            gate: None,
            direction,
            person_ref: badge.map(text),
        };
        Entry { id, passage }
    }

    fn people(entries: impl IntoIterator<Item = Entry>) -> Vec<PersonDay> {
        let mut people = People::of(Day::parse("20190624").unwrap());
        entries.into_iter().for_each(|entry| people.add(entry));
        people.into_sorted()
    }

    #[test]
    fn a_badge_identifies_a_person_and_names_do_where_there_is_none() {
        let entries = [
            entry(1, 10, ["Ann", "Old"], Some("7"), Direction::In),
            entry(2, 5, ["Ann", "Older"], Some("7"), Direction::In),
            entry(3, 20, ["Ann", "New"], Some("7"), Direction::Out),
            entry(4, 1, ["Ann", "New"], None, Direction::In),
            entry(5, 2, ["Ann", "new"], None, Direction::Out),
        ];
        let minute = |m: Option<DateTime<Utc>>| m.map(|m| m.timestamp() / 60 % 60);
        let found: Vec<_> = people(entries)
            .iter()
            .map(|p| (p.lastname.to_string(), minute(p.first_in), minute(p.last_out), p.entries))
            .collect();
        assert_eq!(
            found,
            [
                ("New".into(), Some(1), None, 1),
                ("New".into(), Some(5), Some(20), 3),
                ("new".into(), None, Some(2), 1),
            ]
        );
    }

    proptest! {
        #[test]
        fn the_order_of_the_entries_does_not_matter(
            rows in proptest::collection::vec(
                (0u8..4, "[ab]", proptest::option::of("[12]"), any::<bool>()), 1..20,
            ),
        ) {
            let entries: Vec<_> = rows.iter().enumerate().map(|(id, (minute, name, badge, is_in))| {
                let direction = if *is_in { Direction::In } else { Direction::Out };
                entry(id as i64, *minute, [name, "x"], badge.as_deref(), direction)
            }).collect();
            let forward = people(entries.clone());
            prop_assert_eq!(&people(entries.into_iter().rev()), &forward);
            prop_assert_eq!(forward.iter().map(|p| p.entries).sum::<u64>(), rows.len() as u64);
        }
    }
}
