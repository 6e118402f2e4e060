use std::time::Duration;

use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Double;

/// Nothing, on a primary, and on a standby that is connected to it and has replayed all that it
/// received. Else the age of the last commit that it replayed, by the two servers' clocks; without
/// end where it has replayed none.
///
/// Asks for nothing that a plain role may not see: that row of `pg_stat_wal_receiver` is there
/// while the connection stands, whoever looks.
const LAG: &str = "CASE \
    WHEN NOT pg_is_in_recovery() THEN 0 \
    WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() \
        AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0 \
    ELSE coalesce(greatest(0, \
        extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())), 'Infinity') \
    END::double precision";

/// How far this server is behind its primary.
pub(super) fn lag(connection: &mut PgConnection) -> QueryResult<Duration> {
    let seconds: f64 = diesel::select(sql::<Double>(LAG)).get_result(connection)?;
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}
