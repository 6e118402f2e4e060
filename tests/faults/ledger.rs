use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::connection::{Broken, Connection, sheet};
use crate::support::Answer;

/// What each gate has sent, in its order, and what became of it.
pub struct Ledger {
    /// Before anything was sent.
    pub since: DateTime<Utc>,
    pub gates: Vec<Vec<Sent>>,
}

/// One entry, which was sent once.
pub struct Sent {
    pub entry_id: Uuid,
    pub body: String,
    /// How long it took until there was an answer, or none any more.
    pub took: Duration,
    pub outcome: Outcome,
}

pub enum Outcome {
    /// 201: from now on it must never be lost.
    Acknowledged(Answer),
    /// Any other answer.
    Refused(Answer),
    Unanswered(Broken),
}

impl Outcome {
    pub fn of(answered: Result<Answer, Broken>) -> Self {
        match answered {
            Ok(answer) if answer.status == 201 => Self::Acknowledged(answer),
            Ok(answer) => Self::Refused(answer),
            Err(broken) => Self::Unanswered(broken),
        }
    }
}

impl Ledger {
    /// The moment that offline gates name, on the day [`DAY`](Self::DAY) in UTC.
    pub const MOMENT: &str = "2026-03-02T08:15:00+08:00";
    const DAY: &str = "20260302";

    pub fn acknowledged(&self) -> impl Iterator<Item = (&Sent, &Answer)> {
        self.sent().filter_map(|sent| match &sent.outcome {
            Outcome::Acknowledged(answer) => Some((sent, answer)),
            _ => None,
        })
    }

    pub fn refused(&self) -> impl Iterator<Item = (&Sent, &Answer)> {
        self.sent().filter_map(|sent| match &sent.outcome {
            Outcome::Refused(answer) => Some((sent, answer)),
            _ => None,
        })
    }

    pub fn unanswered(&self) -> impl Iterator<Item = (&Sent, &Broken)> {
        self.sent().filter_map(|sent| match &sent.outcome {
            Outcome::Unanswered(broken) => Some((sent, broken)),
            _ => None,
        })
    }

    fn sent(&self) -> impl Iterator<Item = &Sent> {
        self.gates.iter().flatten()
    }

    /// Both ledgers as one.
    pub fn joined_with(mut self, other: Self) -> Self {
        self.gates.extend(other.gates);
        Self { since: self.since.min(other.since), ..self }
    }

    /// Asserts that whatever was refused was refused for the store's sake, and within `limit`.
    #[track_caller]
    pub fn assert_refused_within(&self, limit: Duration) {
        for (sent, answer) in self.refused() {
            assert_unavailable(answer);
            assert!(sent.took < limit, "{:?} until {answer:?}", sent.took);
        }
    }

    /// Asserts that every acknowledged entry is on the sheet exactly as it was answered.
    #[track_caller]
    pub fn assert_kept(&self, address: SocketAddr) {
        let stored = self.stored(address);
        for (sent, answer) in self.acknowledged() {
            assert_eq!(stored.get(&sent.entry_id), Some(&answer.json()), "of {}", stored.len());
        }
    }

    /// Sends again all that was ever sent and asserts that it is on the sheet once, under the id
    /// that was answered before, if one was. Nothing else may be on the sheet.
    #[track_caller]
    pub fn assert_each_once_after_sending_again(&self, address: SocketAddr) {
        std::thread::scope(|scope| {
            let gates: Vec<_> = self
                .gates
                .iter()
                .map(|sent| scope.spawn(move || send_again(sent, address)))
                .collect();
            let answered: Vec<(Uuid, Value)> =
                gates.into_iter().flat_map(|gate| gate.join().unwrap()).collect();
            let stored = self.stored(address);
            assert_eq!(stored.len(), self.sent().count());
            for (entry_id, entry) in answered {
                assert_eq!(stored[&entry_id], entry);
            }
        });
        self.assert_kept(address);
    }

    /// All entries on the sheets of all days that the gates can have passed, none of them twice.
    #[track_caller]
    pub fn stored(&self, address: SocketAddr) -> HashMap<Uuid, Value> {
        // Midnight may pass while the gates are open.
        let today =
            self.since.date_naive().iter_days().take_while(|day| *day <= Utc::now().date_naive());
        let days = today.map(|day| day.format("%Y%m%d").to_string()).chain([Self::DAY.to_owned()]);
        let entries: Vec<Value> = days.flat_map(|day| sheet(address, &day)).collect();
        let by_id: HashMap<_, _> = entries.iter().map(|entry| (&entry["id"], entry)).collect();
        assert_eq!(by_id.len(), entries.len(), "an id is there twice");
        let stored: HashMap<Uuid, Value> = entries
            .iter()
            .map(|entry| (entry["entry_id"].as_str().unwrap().parse().unwrap(), entry.clone()))
            .collect();
        assert_eq!(stored.len(), entries.len(), "an entry_id is there twice");
        stored
    }
}

/// Sends everything again, in the same order, and returns the entries that were answered.
fn send_again(sent: &[Sent], address: SocketAddr) -> Vec<(Uuid, Value)> {
    let mut connection = Connection::open(address).unwrap();
    let again = sent.iter().map(|sent| {
        let answer = connection.post(&sent.body).unwrap();
        let replayed = answer.header("idempotent-replayed") == Some("true");
        match &sent.outcome {
            Outcome::Acknowledged(_) => assert!(answer.status == 200 && replayed, "{answer:?}"),
            _ => assert!(
                [(200, true), (201, false)].contains(&(answer.status, replayed)),
                "{answer:?}"
            ),
        }
        (sent.entry_id, answer.json())
    });
    again.collect()
}

/// Asserts that this is what a client is told while the store cannot be had.
#[track_caller]
pub fn assert_unavailable(answer: &Answer) {
    let code = answer.json()["code"].clone();
    let code = code.as_str().filter(|code| ["store_unavailable", "busy"].contains(code));
    answer.problem(503, code.unwrap_or_else(|| panic!("{answer:?}")));
    assert!(answer.header("retry-after").is_some_and(|s| s.parse::<u32>().is_ok()), "{answer:?}");
}
