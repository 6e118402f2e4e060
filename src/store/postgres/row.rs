use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::data_types::PgTimestamp;
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::VarChar;
use uuid::Uuid;

use crate::domain::{Direction, Entry, Passage, Text};
use crate::store::{StoreError, Stored};

/// 2000-01-01 00:00 UTC, from which PostgreSQL counts, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// A row of `attendance`, in the order of its columns. Moments are converted later, by [`entry`],
/// because the thread that fetches rows is the busiest.
pub(super) type Row = (
    i64,
    Uuid,
    PgTimestamp,
    PgTimestamp,
    String,
    String,
    Option<String>,
    StoredDirection,
    Option<String>,
);

/// A direction, which is read without copying its text.
#[derive(Debug, Clone, Copy, FromSqlRow)]
pub(super) struct StoredDirection(Direction);

impl FromSql<VarChar, Pg> for StoredDirection {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        let text = std::str::from_utf8(bytes.as_bytes())?;
        Ok(Self(Direction::parse(text)?))
    }
}

/// The entry in a row. Fails where a moment is out of range, which this program never writes.
pub(super) fn entry(row: Row) -> Result<Entry, StoreError> {
    let (id, entry_id, login, received_at, lastname, firstname, gate, direction, person_ref) = row;
    let passage = Passage {
        entry_id,
        login: moment(id, login)?,
        received_at: moment(id, received_at)?,
        firstname: Text::from_store(firstname),
        lastname: Text::from_store(lastname),
        gate: gate.map(Text::from_store),
        direction: direction.0,
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

fn moment(id: i64, PgTimestamp(micros): PgTimestamp) -> Result<DateTime<Utc>, StoreError> {
    micros
        .checked_add(EPOCH)
        .and_then(DateTime::from_timestamp_micros)
        .ok_or_else(|| StoreError::defect(format!("a moment of the row with id {id} is invalid")))
}
