use serde::Deserialize;
use uuid::Uuid;

use super::trouble::{Failure, Trouble};
use crate::domain::{ERASED, Entry, Passage, UpstreamAnswer};

/// The most that is kept of what an upstream says about one entry, in characters.
const MAX_DETAIL: usize = 500;

/// The upstream's answer to a batch.
#[derive(Deserialize)]
struct Results {
    results: Vec<EntryResult>,
}

#[derive(Deserialize)]
struct EntryResult {
    status: u16,
    entry: Option<StoredEntry>,
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct StoredEntry {
    entry_id: Uuid,
}

#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

/// What happened to the entries of a batch, each under its number in this store.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Delivery {
    /// The upstream has them.
    pub(super) stored: Vec<i64>,
    /// The upstream did not store them.
    pub(super) held_back: Vec<(i64, UpstreamAnswer)>,
}

impl Delivery {
    /// Reads the answer with status 200 to a batch of `entries`. It must have a result for each of them:
    /// anything else was not sent by a Rollcall that understood the batch.
    pub(super) fn parse(body: &[u8], entries: &[Entry]) -> Result<Self, Failure> {
        let not_rollcall = |why: String| Failure::new(Trouble::NotRollcall, why);
        let Results { results } =
            serde_json::from_slice(body).map_err(|error| not_rollcall(error.to_string()))?;
        if results.len() != entries.len() {
            let (results, entries) = (results.len(), entries.len());
            return Err(not_rollcall(format!("{results} results for {entries} entries")));
        }
        let mut delivery = Self::default();
        for (result, entry) in results.into_iter().zip(entries) {
            let EntryResult { status, entry: stored, problem } = result;
            match status {
                200 | 201 => {
                    let id = stored.map(|stored| stored.entry_id);
                    if id != Some(entry.passage.entry_id) {
                        return Err(not_rollcall("a result for another entry".into()));
                    }
                    delivery.stored.push(entry.id);
                }
                // The upstream has it with its names: it was forwarded before it was erased here.
                422 if is_erased(&entry.passage) => delivery.stored.push(entry.id),
                status => {
                    let Problem { code, detail } = problem.unwrap_or_default();
                    let [code, detail] = [code, detail].map(|text| cut(&text));
                    let answer = UpstreamAnswer { status, code, detail };
                    delivery.held_back.push((entry.id, answer));
                }
            }
        }
        Ok(delivery)
    }

    /// Names each entry that the upstream did not store: by its `entry_id`, which is no name.
    pub(super) fn log(&self, entries: &[Entry]) {
        for (id, UpstreamAnswer { status, code, .. }) in &self.held_back {
            let entry = entries.iter().find(|entry| entry.id == *id);
            let entry_id = entry.map(|entry| tracing::field::display(entry.passage.entry_id));
            tracing::warn!(entry_id, status, code, "the upstream did not store an entry");
        }
    }
}

fn is_erased(passage: &Passage) -> bool {
    [&passage.firstname, &passage.lastname].iter().all(|name| ***name == *ERASED)
}

/// What is kept of a text of the upstream.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_DETAIL).collect()
}
