use std::collections::HashMap;

use super::waiting::Record;
use crate::domain::{Entry, Passage, Recorded};
use crate::store::{StoreError, Stored};

/// Answers the requests of a batch that was recorded, and leaves it empty. `stored` has one item for each
/// distinct `entry_id`, in the order in which they first occur in `batch`. `retried` tells whether an
/// earlier attempt may have recorded them.
pub(super) fn answer_all(batch: &mut Vec<Record>, stored: Vec<Stored>, retried: bool) {
    let has_repeats = stored.len() != batch.len();
    let mut stored = stored.into_iter();
    // What is stored under the ids that have occurred. Nobody needs it if each occurs once.
    let mut known = HashMap::new();
    for Record { passage, answer } in batch.drain(..) {
        let entry_id = passage.entry_id;
        if let Some(&(ref entry, is_erased)) = known.get(&entry_id) {
            let outcome = Outcome::of(entry, &passage, is_erased);
            let _ = answer.send(Ok(outcome.with(Entry::clone(entry))));
            continue;
        }
        let (entry, is_erased, outcome) = match stored.next() {
            Some(Stored::Created(id)) => (Entry { id, passage }, false, Outcome::Created),
            Some(Stored::Erased(entry)) => (entry, true, Outcome::Replayed),
            Some(Stored::Before(entry)) => {
                // If the outcome of an earlier attempt was unknown, the row may be this request's own:
                // then it has the time at which this service received it.
                let is_own = retried && entry.passage.received_at == passage.received_at;
                let outcome = match is_own {
                    true => Outcome::Created,
                    false => Outcome::of(&entry, &passage, false),
                };
                (entry, false, outcome)
            }
            None => {
                let _ = answer.send(Err(StoreError::defect("the store left out an entry")));
                continue;
            }
        };
        if has_repeats {
            known.insert(entry_id, (entry.clone(), is_erased));
        }
        // A request that does not wait any more was told that the outcome is unknown.
        let _ = answer.send(Ok(outcome.with(entry)));
    }
}

/// What the store's entry means to a request with its `entry_id`.
enum Outcome {
    Created,
    Replayed,
    Reused,
}

impl Outcome {
    /// The outcome of a request for an entry that another one has recorded. What the request says cannot be
    /// compared with an erased one.
    fn of(entry: &Entry, passage: &Passage, is_erased: bool) -> Self {
        match is_erased || entry.passage.is_repeated_by(passage) {
            true => Self::Replayed,
            false => Self::Reused,
        }
    }

    fn with(self, entry: Entry) -> Recorded {
        match self {
            Self::Created => Recorded::Created(entry),
            Self::Replayed => Recorded::Replayed(entry),
            Self::Reused => Recorded::Reused,
        }
    }
}
