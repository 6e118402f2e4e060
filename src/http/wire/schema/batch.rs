#![allow(dead_code, reason = "these types only describe what is read and written elsewhere")]

use utoipa::ToSchema;

use super::entry::Entry;
use super::problem::Problem;
use super::strings::{Direction, EntryId, Moment, Text};

/// Entries that a gate sends together, and what it still holds. Each entry is judged for itself.
#[derive(ToSchema)]
#[schema(example = json!({
    "gate": "A", "as_of": "2019-06-24T09:15:00+08:00", "pending": 0,
    "entries": [{
        "entry_id": "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f", "firstname": "Arvin", "lastname": "Cudanin",
        "occurred_at": "2019-06-24T09:12:21.5+08:00",
    }],
}))]
pub(crate) struct Batch {
    #[schema(max_items = 500)]
    entries: Vec<NamedEntry>,
    /// The gate of the entries that name none.
    gate: Option<Text>,
    /// The sender's clock.
    as_of: Option<Moment>,
    /// How many entries the sender still holds beside these.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pending: Option<u64>,
    /// The moment of the oldest of them.
    oldest_pending: Option<Moment>,
}

/// An entry as for `POST /table/create`, with the `entry_id` that a batch needs.
#[derive(ToSchema)]
struct NamedEntry {
    entry_id: EntryId,
    firstname: Text,
    lastname: Text,
    gate: Option<Text>,
    occurred_at: Option<Moment>,
    direction: Option<Direction>,
    person_ref: Option<Text>,
}

/// What became of the entries, in the same order.
#[derive(ToSchema)]
pub(crate) struct BatchResults {
    results: Vec<BatchResult>,
}

/// What the entry would have been answered alone.
#[derive(ToSchema)]
#[serde(untagged)]
enum BatchResult {
    Recorded(RecordedInBatch),
    Refused(RefusedInBatch),
}

#[derive(ToSchema)]
struct RecordedInBatch {
    /// 201, or 200 if it was stored before.
    #[schema(minimum = 200, maximum = 201)]
    status: u16,
    entry: Entry,
}

#[derive(ToSchema)]
struct RefusedInBatch {
    /// 400, 403, 422 or 500.
    #[schema(minimum = 400, maximum = 500)]
    status: u16,
    problem: Problem,
}
