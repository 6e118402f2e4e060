use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use crate::store::Position;

/// How far the write-ahead log goes: on a primary, what is flushed to disk, which includes all that
/// was acknowledged; on a standby, what is replayed and can be read. Any role may ask.
pub(super) fn position(connection: &mut PgConnection) -> QueryResult<Position> {
    let (is_replica, bytes): (bool, i64) = diesel::select((
        sql::<Bool>("pg_is_in_recovery()"),
        sql::<BigInt>(
            "(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
             ELSE pg_current_wal_flush_lsn() END - '0/0')::bigint",
        ),
    ))
    .get_result(connection)?;
    Ok(Position { bytes, is_replica })
}
