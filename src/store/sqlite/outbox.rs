use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::dsl::{exists, min, not};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

use super::classify::classify;
use super::row::{Row, entry};
use super::store::SqliteStore;
use super::tables::{amendment, attendance, erasure, forwarding, held_back};
use super::types::{At, Id, Moment, UuidText};
use uuid::Uuid;

use crate::domain::{Entry, UpstreamAnswer};
use crate::store::{Backlog, Forwards, Mark, Outbox, Settled, StoreError};

/// Old forwarded entries. Those in an amendment are kept, as its trail is, and so is the last of all, so
/// that the highest number of the changes never goes back.
const FORWARDED: &str = "SELECT id, entry_id FROM attendance \
     WHERE id >= ? AND id < (SELECT up_to FROM forwarding) AND received_at < ? \
     AND id NOT IN (SELECT id FROM held_back) \
     AND NOT EXISTS (SELECT 1 FROM amendment \
     WHERE attendance.entry_id IN (amendment.entry_id, amendment.replacement)) \
     ORDER BY id LIMIT ?";

#[derive(QueryableByName)]
struct ForwardedRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = UuidText)]
    entry_id: Uuid,
}

impl Forwards for SqliteStore {
    fn outbox(&self) -> Result<Box<dyn Outbox>, StoreError> {
        let mut connection = self.open()?;
        // Commits are written in order, so nothing that was flushed can get lost with a mark that was not.
        connection
            .batch_execute("PRAGMA synchronous = NORMAL")
            .map_err(|error| classify(error, &mut connection))?;
        Ok(Box::new(SqliteOutbox(connection)))
    }

    fn backlog(&self, after: i64) -> Result<Backlog, StoreError> {
        self.run(|connection| {
            // A deferred transaction reads one snapshot.
            connection.transaction(|connection| backlog(connection, after))
        })
    }
}

fn backlog(connection: &mut SqliteConnection, after: i64) -> QueryResult<Backlog> {
    let waiting: (i64, Option<DateTime<Utc>>) = standing()
        .filter(attendance::id.gt(after))
        .select((diesel::dsl::count_star(), min(attendance::login)))
        .get_result(connection)?;
    let held_back = held_back::table
        .inner_join(attendance::table)
        .filter(attendance::id.le(after))
        .group_by((held_back::is_rejected, held_back::status))
        .select((
            (held_back::is_rejected, held_back::status),
            diesel::dsl::count_star(),
            min(attendance::login),
        ))
        .load::<HeldBack>(connection)?;
    Ok(backlog_of(waiting, &held_back))
}

/// Whether entries are rejected, the status that they got, their number and their earliest `login`.
type HeldBack = ((i32, i32), i64, Option<DateTime<Utc>>);

fn backlog_of(
    (waiting, oldest_waiting): (i64, Option<DateTime<Utc>>),
    held_back: &[HeldBack],
) -> Backlog {
    let mut backlog = Backlog { pending: waiting.unsigned_abs(), ..Backlog::default() };
    let (mut pending, mut rejected) = (vec![oldest_waiting], Vec::new());
    for &((is_rejected, status), count, oldest) in held_back {
        let count = count.unsigned_abs();
        match (is_rejected, status) {
            (0, status) => {
                backlog.pending += count;
                pending.push(oldest);
                // What was rejected before this start has not been tried yet.
                if !UpstreamAnswer::is_final_status(status) {
                    backlog.postponed += count;
                }
            }
            (_, 422) => backlog.rejected.reused += count,
            (_, 403) => {
                backlog.rejected.forbidden += count;
                rejected.push(oldest);
            }
            _ => {
                backlog.rejected.invalid += count;
                rejected.push(oldest);
            }
        }
    }
    backlog.oldest_pending = pending.into_iter().flatten().min();
    backlog.rejected.oldest = rejected.into_iter().flatten().min();
    backlog
}

struct SqliteOutbox(SqliteConnection);

impl SqliteOutbox {
    fn run<T>(
        &mut self,
        run: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        run(&mut self.0).map_err(|error| classify(error, &mut self.0))
    }
}

impl Outbox for SqliteOutbox {
    fn begin(&mut self, upstream: &str) -> Result<Mark, StoreError> {
        let found = self.run(|connection| {
            connection.immediate_transaction(|connection| {
                diesel::update(held_back::table)
                    .set(held_back::is_rejected.eq(0))
                    .execute(connection)?;
                let mark = forwarding::table
                    .select((
                        forwarding::upstream,
                        forwarding::up_to,
                        forwarding::last_forwarded_at,
                    ))
                    .first::<(String, i64, Option<DateTime<Utc>>)>(connection)
                    .optional()?;
                match mark {
                    Some((to, up_to, at)) if to == upstream => return Ok((up_to, at)),
                    Some(_) => {
                        diesel::delete(held_back::table).execute(connection)?;
                        diesel::delete(forwarding::table).execute(connection)?;
                    }
                    None => {}
                }
                diesel::insert_into(forwarding::table)
                    .values((
                        forwarding::only_row.eq(1),
                        forwarding::upstream.eq(upstream),
                        forwarding::up_to.eq(0),
                    ))
                    .execute(connection)?;
                Ok((0, None))
            })
        });
        let (up_to, last_forwarded_at) = found?;
        Ok(Mark { up_to, last_forwarded_at })
    }

    fn entries(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let rows = self.run(|connection| {
            standing()
                .filter(attendance::id.gt(after))
                .order(attendance::id)
                .limit(sql_limit(limit))
                .load::<Row>(connection)
        })?;
        rows.into_iter().map(entry).collect()
    }

    fn postponed(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let rows = self.run(|connection| {
            attendance::table
                .inner_join(held_back::table)
                .filter(held_back::is_rejected.eq(0).and(attendance::id.gt(after)))
                .order(attendance::id)
                .limit(sql_limit(limit))
                .select(attendance::all_columns)
                .load::<Row>(connection)
        })?;
        rows.into_iter().map(entry).collect()
    }

    fn backlog(&mut self, after: i64) -> Result<Backlog, StoreError> {
        self.run(|connection| connection.transaction(|connection| backlog(connection, after)))
    }

    fn save(&mut self, settled: &Settled) -> Result<(), StoreError> {
        let Settled { mark, held_back: held, released } = settled;
        self.run(|connection| {
            connection.immediate_transaction(|connection| {
                diesel::delete(held_back::table.filter(held_back::id.eq_any(released)))
                    .execute(connection)?;
                held.iter().try_for_each(|(id, answer)| hold_back(connection, *id, answer))?;
                diesel::update(forwarding::table)
                    .set((
                        forwarding::up_to.eq(mark.up_to),
                        forwarding::last_forwarded_at.eq(mark.last_forwarded_at.map(At)),
                    ))
                    .execute(connection)
                    .map(drop)
            })
        })
    }

    fn delete_forwarded(
        &mut self,
        from: i64,
        limit: usize,
        received_before: DateTime<Utc>,
    ) -> Result<Option<i64>, StoreError> {
        self.run(|connection| {
            // Read first, so that the lock for writing is held only for what is deleted.
            let old = sql_query(FORWARDED)
                .bind::<BigInt, _>(from)
                .bind::<Moment, _>(At(received_before))
                .bind::<BigInt, _>(sql_limit(limit))
                .load::<ForwardedRow>(connection)?;
            let Some(last) = old.last() else { return Ok(None) };
            let next = (old.len() == limit).then_some(last.id + 1);
            let (ids, entry_ids): (Vec<_>, Vec<_>) =
                old.into_iter().map(|row| (row.id, row.entry_id)).unzip();
            connection.immediate_transaction(|connection| {
                diesel::delete(
                    erasure::table.filter(erasure::entry_id.eq_any(entry_ids.into_iter().map(Id))),
                )
                .execute(connection)?;
                diesel::delete(attendance::table.filter(attendance::id.eq_any(&ids)))
                    .execute(connection)
            })?;
            Ok(next)
        })
    }
}

fn hold_back(
    connection: &mut SqliteConnection,
    id: i64,
    answer: &UpstreamAnswer,
) -> QueryResult<()> {
    let UpstreamAnswer { status, code, detail } = answer;
    diesel::replace_into(held_back::table)
        .values((
            held_back::id.eq(id),
            held_back::is_rejected.eq(i32::from(answer.is_final())),
            held_back::status.eq(i32::from(*status)),
            held_back::code.eq(code),
            held_back::detail.eq(detail),
        ))
        .execute(connection)
        .map(drop)
}

/// The entries that are neither voided nor replaced.
#[diesel::dsl::auto_type(no_type_alias)]
fn standing() -> _ {
    attendance::table
        .filter(not(exists(amendment::table.filter(amendment::entry_id.eq(attendance::entry_id)))))
}

fn sql_limit(limit: usize) -> i64 {
    limit.try_into().unwrap_or(i64::MAX)
}
