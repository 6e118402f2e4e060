//! What the service does differently where Citus distributes its tables: see `deploy/citus`.
//!
//! A transaction that has written on several nodes is prepared on the workers, committed on the
//! coordinator and then committed on each worker. In between, and until Citus has recovered a worker
//! that was lost, its rows cannot be seen although nobody holds a lock on the coordinator any more. So
//! the follower of changes waits for prepared transactions of the workers too. It reads the
//! coordinator's locks first: who has released them was prepared before.

use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Bool, Text};

/// Whether the table of entries is distributed.
pub(super) fn distributes_entries(connection: &mut PgConnection) -> QueryResult<bool> {
    let has_citus = diesel::select(sql::<Bool>("to_regclass('pg_dist_partition') IS NOT NULL"))
        .get_result::<bool>(connection)?;
    // The second statement names the table, which only Citus has.
    let is_distributed = "EXISTS (SELECT FROM pg_dist_partition \
         WHERE logicalrelid = to_regclass('attendance'))";
    Ok(has_citus && diesel::select(sql::<Bool>(is_distributed)).get_result(connection)?)
}

/// The transactions that are prepared on the workers that hold entries. Citus names them by node,
/// process and number.
const PREPARED: &str = "SELECT success, result FROM run_command_on_placements('attendance', $$\
     SELECT coalesce(string_agg('-1/' || gid, chr(10)), '') FROM pg_prepared_xacts \
     WHERE database = current_database()$$)";

#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = Bool)]
    success: bool,
    #[diesel(sql_type = Text)]
    result: String,
}

/// The names of these transactions, like those of prepared ones in `pg_locks`.
pub(super) fn prepared_on_workers(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    let mut names = Vec::new();
    for Prepared { success, result } in diesel::sql_query(PREPARED).load(connection)? {
        if !success {
            let kind = DatabaseErrorKind::UnableToSendCommand;
            return Err(DieselError::DatabaseError(kind, Box::new(result)));
        }
        names.extend(result.lines().map(str::to_owned));
    }
    Ok(names)
}

/// How Citus' messages begin where a worker cannot be reached. They are in English unless the server's
/// lc_messages is another language.
const WORKER_AWAY: [&str; 4] = [
    "connection to the remote node",
    "could not establish any connections to the node",
    "failure on connection marked as essential",
    "terminating connection",
];

/// Whether a statement failed because a worker of Citus is away. Entries of other workers may be
/// accepted meanwhile, so that no rehearsal could tell.
pub(super) fn is_worker_away(message: &str) -> bool {
    WORKER_AWAY.iter().any(|beginning| message.starts_with(beginning))
}
