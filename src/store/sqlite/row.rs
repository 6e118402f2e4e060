use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::{Direction, Entry, Passage, Text};
use crate::store::{StoreError, Stored};

/// A row of `attendance`, in the order of its columns.
pub(super) type Row = (
    i64,
    Uuid,
    DateTime<Utc>,
    DateTime<Utc>,
    String,
    String,
    Option<String>,
    String,
    Option<String>,
);

/// The entry in a row. Fails where a column holds what this program never writes.
pub(super) fn entry(row: Row) -> Result<Entry, StoreError> {
    let (id, entry_id, login, received_at, lastname, firstname, gate, direction, person_ref) = row;
    let invalid = || StoreError::defect(format!("the row with id {id} is invalid"));
    let passage = Passage {
        entry_id,
        login,
        received_at,
        firstname: Text::from_store(firstname),
        lastname: Text::from_store(lastname),
        gate: gate.map(Text::from_store),
        direction: Direction::parse(&direction).map_err(|_| invalid())?,
        person_ref: person_ref.map(Text::from_store),
    };
    Ok(Entry { id, passage })
}

/// A row that was stored before, with the number of its erasure if it is erased.
pub(super) type OlderRow = (Row, Option<i64>);

/// What is stored in a row.
pub(super) fn older((row, erasure): OlderRow) -> Result<Stored, StoreError> {
    let entry = entry(row)?;
    Ok(match erasure {
        None => Stored::Before(entry),
        Some(_) => Stored::Erased(entry),
    })
}
