use diesel::pg::PgConnection;
use diesel::r2d2::R2D2Connection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::{citus, migrate};
use crate::store::{Schema, StoreError};

/// The meaning of a failed statement.
pub(super) fn classify(error: DieselError, connection: &mut PgConnection) -> StoreError {
    use DatabaseErrorKind::{ClosedConnection, ReadOnlyTransaction, UnableToSendCommand, Unknown};
    match error {
        // A primary that became a standby is read-only: a new connection may find the new primary.
        DieselError::DatabaseError(
            ClosedConnection | UnableToSendCommand | ReadOnlyTransaction,
            cause,
        ) => StoreError::unreachable(cause.message()),
        // SQLSTATE 42501 can only be told by its message, which is in English unless the server's
        // lc_messages is another language.
        DieselError::DatabaseError(Unknown, cause)
            if cause.message().starts_with("permission denied") =>
        {
            StoreError::not_permitted(cause.message())
        }
        DieselError::DeserializationError(cause) => StoreError::defect(cause),
        DieselError::DatabaseError(_, cause) if citus::is_worker_away(cause.message()) => {
            StoreError::unreachable(cause.message())
        }
        error if connection.is_broken() => StoreError::unreachable(error),
        // Diesel does not pass SQLSTATEs on, so a missing table is found by asking for the schema.
        error => schema(connection)
            .and_then(|schema| schema.require().err())
            .unwrap_or_else(|| StoreError::refused(error)),
    }
}

/// The schema, if the database can be asked for it.
fn schema(connection: &mut PgConnection) -> Option<Schema> {
    Some(Schema::new(migrate::known().ok()?, migrate::applied(connection).ok()?))
}
