use diesel::result::Error as DieselError;
use diesel::sqlite::SqliteConnection;

use super::migrate;
use super::refusal::refusal;
use crate::store::{Schema, StoreError};

/// The meaning of a failed statement.
pub(super) fn classify(error: DieselError, connection: &mut SqliteConnection) -> StoreError {
    schema(connection).and_then(|schema| schema.require().err()).unwrap_or_else(|| refusal(error))
}

/// The schema, if the file can be asked for it.
fn schema(connection: &mut SqliteConnection) -> Option<Schema> {
    Some(Schema::new(migrate::known().ok()?, migrate::applied(connection).ok()?))
}
