use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::connection::{Broken, Connection, sheet};
use crate::support::Answer;

/// What each client of a load generator has sent, in order, with the outcome of each request.
pub struct RequestLog {
    /// Before the first request.
    pub since: DateTime<Utc>,
    pub clients: Vec<Vec<SentRequest>>,
}

/// One entry, sent once.
pub struct SentRequest {
    pub entry_id: Uuid,
    pub body: String,
    /// The time until the answer was complete or the connection broke.
    pub took: Duration,
    pub outcome: Outcome,
}

pub enum Outcome {
    /// 201: from now on the entry must never be lost.
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

    /// Whether the connection is broken, or the service is about to close it.
    pub fn ends_connection(&self) -> bool {
        match self {
            Self::Acknowledged(answer) | Self::Refused(answer) => {
                answer.header("connection") == Some("close")
            }
            Self::Unanswered(_) => true,
        }
    }
}

impl RequestLog {
    /// The `occurred_at` of the clients that send one. In UTC it is on [`DAY`](Self::DAY).
    pub const OCCURRED_AT: &str = "2026-03-02T08:15:00+08:00";
    const DAY: &str = "20260302";

    pub fn acknowledged(&self) -> impl Iterator<Item = (&SentRequest, &Answer)> {
        self.sent().filter_map(|sent| match &sent.outcome {
            Outcome::Acknowledged(answer) => Some((sent, answer)),
            _ => None,
        })
    }

    pub fn refused(&self) -> impl Iterator<Item = (&SentRequest, &Answer)> {
        self.sent().filter_map(|sent| match &sent.outcome {
            Outcome::Refused(answer) => Some((sent, answer)),
            _ => None,
        })
    }

    pub fn unanswered(&self) -> impl Iterator<Item = (&SentRequest, &Broken)> {
        self.sent().filter_map(|sent| match &sent.outcome {
            Outcome::Unanswered(broken) => Some((sent, broken)),
            _ => None,
        })
    }

    fn sent(&self) -> impl Iterator<Item = &SentRequest> {
        self.clients.iter().flatten()
    }

    /// Both logs as one.
    pub fn merge(mut self, other: Self) -> Self {
        self.clients.extend(other.clients);
        Self { since: self.since.min(other.since), ..self }
    }

    /// Asserts that every refusal was a 503 about the store, and came within `limit`.
    #[track_caller]
    pub fn assert_refused_within(&self, limit: Duration) {
        for (sent, answer) in self.refused() {
            assert_unavailable(answer);
            assert!(sent.took < limit, "{:?} until {answer:?}", sent.took);
        }
    }

    /// Asserts that each request was answered, some with a refusal within `limit`, and that the
    /// acknowledged entries and all that are sent again are stored once each.
    #[track_caller]
    pub fn assert_nothing_lost_in_an_outage(&self, address: SocketAddr, limit: Duration) {
        assert!(self.refused().count() >= 8, "too few requests were refused");
        assert_eq!(self.unanswered().count(), 0);
        self.assert_refused_within(limit);
        self.assert_acknowledged_are_stored(address);
        self.assert_retries_store_each_once(address);
    }

    /// Asserts that every acknowledged entry is on the sheet exactly as it was answered.
    #[track_caller]
    pub fn assert_acknowledged_are_stored(&self, address: SocketAddr) {
        let stored = self.stored(address);
        for (sent, answer) in self.acknowledged() {
            let stored = stored.get(&sent.entry_id).unwrap_or_else(|| panic!("{answer:?} is lost"));
            assert_same_entry(stored, &answer.json());
        }
    }

    /// Sends every request again. Asserts that each entry is then stored once, unchanged if it was
    /// acknowledged before, and that nothing else is stored.
    #[track_caller]
    pub fn assert_retries_store_each_once(&self, address: SocketAddr) {
        std::thread::scope(|scope| {
            let clients: Vec<_> =
                self.clients.iter().map(|sent| scope.spawn(move || retry(sent, address))).collect();
            let answered: Vec<(Uuid, Value)> =
                clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
            let stored = self.stored(address);
            assert_eq!(stored.len(), self.sent().count());
            for (entry_id, entry) in answered {
                assert_same_entry(&stored[&entry_id], &entry);
            }
        });
        self.assert_acknowledged_are_stored(address);
    }

    /// The sheets of every day that the entries can be on, by `entry_id`. Asserts that no `id` and
    /// no `entry_id` is there twice.
    #[track_caller]
    pub fn stored(&self, address: SocketAddr) -> HashMap<Uuid, Value> {
        // The test may run across midnight.
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

/// Sends every request again, in the same order, and returns the entries of the answers.
fn retry(sent: &[SentRequest], address: SocketAddr) -> Vec<(Uuid, Value)> {
    let mut connection = Connection::open(address).unwrap();
    let retries = sent.iter().map(|sent| {
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
    retries.collect()
}

/// Asserts that this is the answer for a store that does not answer, or for a full queue.
#[track_caller]
pub fn assert_unavailable(answer: &Answer) {
    let code = answer.json()["code"].clone();
    let code = code.as_str().filter(|code| ["store_unavailable", "busy"].contains(code));
    answer.problem(503, code.unwrap_or_else(|| panic!("{answer:?}")));
    let seconds = answer.header("retry-after").and_then(|value| value.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "{answer:?}");
}

/// The two are equal. Only an answer of release 0.1.0 lacks members: these two, which it does not know.
#[track_caller]
fn assert_same_entry(one: &Value, other: &Value) {
    const NEW_MEMBERS: [&str; 2] = ["direction", "person_ref"];
    let (mut one, mut other) = (one.clone(), other.clone());
    for entry in [&mut one, &mut other] {
        let entry = entry.as_object_mut().unwrap();
        if NEW_MEMBERS.iter().all(|name| !entry.contains_key(*name)) {
            entry.insert("direction".into(), "in".into());
            entry.insert("person_ref".into(), Value::Null);
        }
    }
    assert_eq!(one, other);
}
