use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use super::people::Person;
use super::{Direction, Entry};

/// The figures of a sheet: what a reader wants to know before the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySummary {
    pub entries: u64,
    /// By name; entries without a gate come first.
    pub gates: BTreeMap<Option<String>, Passages>,
    /// For each hour since the start of the day.
    pub hours: Vec<Passages>,
    people: HashSet<Person>,
    start: DateTime<Utc>,
}

/// How many people passed, by direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passages {
    pub ins: u64,
    pub outs: u64,
}

impl DaySummary {
    /// Of the day with these instants, without any entry yet.
    pub fn of(instants: &Range<DateTime<Utc>>) -> Self {
        // A day whose length is not whole hours has a last hour that is shorter.
        let seconds = (instants.end - instants.start).num_seconds();
        let hours = usize::try_from((seconds + 3_599) / 3_600).unwrap_or(0);
        Self {
            entries: 0,
            gates: BTreeMap::new(),
            hours: vec![Passages::default(); hours],
            people: HashSet::new(),
            start: instants.start,
        }
    }

    /// Counts an entry that stands.
    pub fn add(&mut self, entry: &Entry) {
        let passage = &entry.passage;
        self.entries += 1;
        self.people.insert(Person::of(passage));
        let gate = passage.gate.as_deref().map(str::to_owned);
        self.gates.entry(gate).or_default().add(passage.direction);
        let hour = usize::try_from((passage.login - self.start).num_hours()).ok();
        if let Some(hour) = hour.and_then(|hour| self.hours.get_mut(hour)) {
            hour.add(passage.direction);
        }
    }

    /// How many different people there are.
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// When each hour begins.
    pub fn hour_starts(&self) -> impl Iterator<Item = DateTime<Utc>> {
        let start = self.start;
        (0..self.hours.len() as i64).map(move |hour| start + TimeDelta::hours(hour))
    }
}

impl Passages {
    fn add(&mut self, direction: Direction) {
        match direction {
            Direction::In => self.ins += 1,
            Direction::Out => self.outs += 1,
        }
    }

    pub fn total(self) -> u64 {
        self.ins + self.outs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Day, Passage, Site, Text};

    fn entry(login: &str, name: &str, gate: Option<&str>, direction: Direction) -> Entry {
        let text = |text: &str| Text::parse(text).unwrap();
        let login = login.parse().unwrap();
        let passage = Passage {
            entry_id: uuid::Uuid::nil(),
            login,
            received_at: login,
            firstname: text(name),
            lastname: text("x"),
            gate: gate.map(text),
            direction,
            person_ref: None,
        };
        Entry { id: 1, passage }
    }

    #[test]
    fn entries_are_counted_by_gate_hour_and_person() {
        let site = Site::new(chrono_tz::Asia::Manila, "06:00").unwrap();
        let mut summary = DaySummary::of(&site.instants(Day::parse("20190624").unwrap()));
        for (login, name, gate, direction) in [
            ("2019-06-23T22:00:00Z", "a", Some("B"), Direction::In),
            ("2019-06-23T22:59:59Z", "b", None, Direction::In),
            ("2019-06-24T21:59:59Z", "a", Some("A"), Direction::Out),
        ] {
            summary.add(&entry(login, name, gate, direction));
        }
        assert_eq!((summary.entries, summary.people(), summary.hours.len()), (3, 2, 24));
        assert_eq!(summary.hours[0], Passages { ins: 2, outs: 0 });
        assert_eq!(summary.hours[23], Passages { ins: 0, outs: 1 });
        assert_eq!(summary.hours[1].total(), 0);
        let gates: Vec<_> = summary.gates.keys().map(Option::as_deref).collect();
        assert_eq!(gates, [None, Some("A"), Some("B")]);
        let starts: Vec<_> =
            summary.hour_starts().map(|start| site.time_at(start).to_string()).collect();
        assert_eq!((&*starts[0], &*starts[23]), ("06:00:00", "05:00:00"));
    }

    #[test]
    fn a_day_may_have_23_or_25_hours() {
        let site = Site::new(chrono_tz::Europe::Berlin, "00:00").unwrap();
        for (day, hours) in [("20240331", 23), ("20241027", 25), ("20240624", 24)] {
            let summary = DaySummary::of(&site.instants(Day::parse(day).unwrap()));
            assert_eq!(summary.hours.len(), hours, "{day}");
        }
    }
}
