use super::queue::Record;
use crate::domain::{Entry, Passage, Recorded};
use crate::store::{StoreError, Stored};

/// Answers the requests of a batch that was recorded, and leaves it empty. `stored` has one item for each
/// distinct `entry_id` in `batch`, and both are ascending. `retried` tells whether an earlier attempt may
/// have recorded them.
pub(super) fn answer_all(batch: &mut Vec<Record>, stored: Vec<Stored>, retried: bool) {
    let mut stored = stored.into_iter();
    let mut commands = batch.drain(..).peekable();
    while let Some(Record { passage, answer }) = commands.next() {
        let entry_id = passage.entry_id;
        let mut is_erased = false;
        let (entry, outcome) = match stored.next() {
            Some(Stored::Created(id)) => (Entry { id, passage }, Outcome::Created),
            Some(Stored::Erased(entry)) => {
                is_erased = true;
                (entry, Outcome::Replayed)
            }
            Some(Stored::Before(entry)) => {
                // If the outcome of an earlier attempt was unknown, the row may be this request's own:
                // then it has the time at which this service received it.
                let is_own = retried && entry.passage.received_at == passage.received_at;
                let outcome = if is_own { Outcome::Created } else { Outcome::of(&entry, &passage) };
                (entry, outcome)
            }
            None => {
                let _ = answer.send(Err(StoreError::defect("the store left out an entry")));
                continue;
            }
        };
        // Others in this batch with the same id came later.
        while let Some(other) = commands.next_if(|other| other.passage.entry_id == entry_id) {
            let outcome = match is_erased {
                true => Outcome::Replayed,
                false => Outcome::of(&entry, &other.passage),
            };
            let _ = other.answer.send(Ok(outcome.with(entry.clone())));
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
    /// The outcome of a request for an entry that another one has recorded.
    fn of(entry: &Entry, passage: &Passage) -> Self {
        if entry.passage.is_repeated_by(passage) { Self::Replayed } else { Self::Reused }
    }

    fn with(self, entry: Entry) -> Recorded {
        match self {
            Self::Created => Recorded::Created(entry),
            Self::Replayed => Recorded::Replayed(entry),
            Self::Reused => Recorded::Reused,
        }
    }
}
