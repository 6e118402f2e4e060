use std::thread;
use std::time::{Duration, Instant};

use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

/// The key of the advisory lock of imports: the bytes of "rollcimp".
const LOCK: i64 = i64::from_be_bytes(*b"rollcimp");

/// The session of an import that was killed ends when its last statement has ended.
const END_OF_SESSION: Duration = Duration::from_secs(1);

/// Takes the lock of imports for this session. `false` if another session holds it. Whoever records
/// through the session holds the lock, because both end with the connection.
pub(super) fn take(connection: &mut PgConnection) -> QueryResult<bool> {
    let deadline = Instant::now() + END_OF_SESSION;
    loop {
        let taken =
            diesel::select(sql::<Bool>("pg_try_advisory_lock(").bind::<BigInt, _>(LOCK).sql(")"))
                .get_result(connection)?;
        if taken || Instant::now() > deadline {
            return Ok(taken);
        }
        thread::sleep(Duration::from_millis(50));
    }
}
