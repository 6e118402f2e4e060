use std::sync::LazyLock;

use chrono::{DateTime, Utc};

use super::StoreError;
use crate::domain::{Gate, TokenName};

/// Tells how complete gates are. A [`Recorder`](super::Recorder) stores what they say of themselves in
/// batches.
pub trait Gates {
    /// The gates to which tokens are bound that are valid at `now`, by their names and those of their
    /// tokens.
    fn gates(&self, now: DateTime<Utc>) -> Result<Vec<Gate>, StoreError>;

    /// Notes when the last entries were received that came with these tokens, where nothing later is
    /// noted. The names must be ascending, so that no two processes wait for each other.
    fn note_entries(&self, entries: &[(TokenName, DateTime<Utc>)]) -> Result<(), StoreError>;
}

/// The end of the statement that stores contacts of gates, for both adapters, so that the rule which
/// report counts is written once. It does not depend on the order in which they arrive: the newest one
/// counts, and of two that were made at the same moment the one that promises less. A report that
/// promises nothing only tells what is pending.
pub(super) static MERGE_CONTACT: LazyLock<String> = LazyLock::new(|| {
    let counts = "excluded.complete_until IS NOT NULL AND (held.reported_at IS NULL \
         OR excluded.reported_at > held.reported_at \
         OR (excluded.reported_at = held.reported_at \
             AND excluded.complete_until <= held.complete_until))";
    let tells =
        format!("(excluded.complete_until IS NULL AND excluded.pending IS NOT NULL) OR ({counts})");
    let is_later =
        |column: &str| format!("held.{column} IS NULL OR excluded.{column} > held.{column}");
    let columns = [
        ("last_contact", is_later("last_contact")),
        ("last_entry", is_later("last_entry")),
        ("pending", tells.clone()),
        ("oldest_pending", tells),
        ("reported_at", counts.to_owned()),
        ("complete_until", counts.to_owned()),
    ];
    let set = columns.map(|(column, condition)| {
        format!("{column} = CASE WHEN {condition} THEN excluded.{column} ELSE held.{column} END")
    });
    format!(" ON CONFLICT (name) DO UPDATE SET {}", set.join(", "))
});
