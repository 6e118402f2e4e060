//! Types of columns that SQLite lacks. Rows are read as the same types as in PostgreSQL.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql};
use diesel::expression::AsExpression;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, SqlOrd, SqlType};
use diesel::sqlite::{Sqlite, SqliteValue};
use uuid::Uuid;

/// A moment: an INTEGER with the microseconds since 1970-01-01 00:00 UTC.
#[derive(SqlType, QueryId)]
#[diesel(sqlite_type(name = "Long"))]
pub struct Moment;

impl SqlOrd for Moment {}

impl FromSql<Moment, Sqlite> for DateTime<Utc> {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        Self::from_timestamp_micros(micros)
            .ok_or_else(|| format!("the moment {micros} is out of range").into())
    }
}

/// A moment to be written.
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = Moment)]
pub struct At(pub DateTime<Utc>);

impl ToSql<Moment, Sqlite> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.timestamp_micros());
        Ok(IsNull::No)
    }
}

/// A UUID: TEXT in lower case, with hyphens.
#[derive(SqlType, QueryId)]
#[diesel(sqlite_type(name = "Text"))]
pub struct UuidText;

impl FromSql<UuidText, Sqlite> for Uuid {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self::try_parse(value.read_text())?)
    }
}

/// A UUID to be written.
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = UuidText)]
pub struct Id(pub Uuid);

impl ToSql<UuidText, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}
