use std::ops::Range;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use uuid::Uuid;

use super::classify::classify;
use super::record::PostgresRecorder;
use super::row::older;
use super::tables::attendance;
use super::target::PostgresTarget;
use super::{amendments, import_lock, migrate, position, session, sheet};
use crate::domain::{Entry, Selection, StoredAmendment, Trail};
use crate::store::{
    Amendments, Entries, Migration, Position, Recorder, Replication, Store, StoreError, Stored,
    Versioned,
};

/// Entries in a PostgreSQL database.
pub struct PostgresStore {
    target: PostgresTarget,
    timeout: Duration,
    reads: Pool<ConnectionManager<PgConnection>>,
    app_role: Option<String>,
}

impl PostgresStore {
    /// Does not connect yet. `timeout` bounds the wait for a connection and for a statement.
    pub fn new(target: PostgresTarget, pool_size: u32, timeout: Duration) -> Self {
        let reads = session::pool(&target, pool_size, timeout);
        Self { target, timeout, reads, app_role: None }
    }

    /// Migrating will grant `role`, if there is one, exactly what the service needs.
    pub fn granting_to(self, role: Option<String>) -> Self {
        Self { app_role: role, ..self }
    }

    pub(super) fn target(&self) -> &PostgresTarget {
        &self.target
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Runs `read` on a pooled connection. The connection is not tested first, which would cost a
    /// second round trip. If it is dead the next one is tried, once more than the pool can hold dead
    /// ones.
    pub(super) fn read<T>(
        &self,
        mut read: impl FnMut(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let mut dead = 0;
        loop {
            let mut connection = self.reads.get().map_err(StoreError::unreachable)?;
            match read(&mut connection).map_err(|error| classify(error, &mut connection)) {
                Err(StoreError::Unreachable(_)) if dead < self.reads.max_size() => dead += 1,
                outcome => return outcome,
            }
        }
    }
}

impl Store for PostgresStore {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn replication(&self) -> Option<&dyn Replication> {
        Some(self)
    }
}

impl Entries for PostgresStore {
    fn recorder(&self) -> Result<Box<dyn Recorder>, StoreError> {
        let connection = session::open_for_writing(&self.target, self.timeout)?;
        Ok(Box::new(PostgresRecorder::new(connection)))
    }

    fn import_recorder(&self) -> Result<Option<Box<dyn Recorder>>, StoreError> {
        let mut connection = session::open_for_writing(&self.target, self.timeout)?;
        match import_lock::take(&mut connection).map_err(|e| classify(e, &mut connection))? {
            true => Ok(Some(Box::new(PostgresRecorder::new(connection)))),
            false => Ok(None),
        }
    }

    fn each_entry(
        &self,
        selection: &Selection,
        each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut started = false;
        self.read(|connection| {
            let mut each = |entry| {
                started = true;
                each(entry)
            };
            match sheet::each_entry(connection, selection, &mut each) {
                // Entries that were handed out cannot be taken back, so this is not tried again.
                Err(error) if started => Ok(Err(classify(error, connection))),
                sheet => sheet,
            }
        })?
    }

    fn find(&self, ids: &[Uuid], moments: &[DateTime<Utc>]) -> Result<Vec<Stored>, StoreError> {
        let rows = self.read(|connection| sheet::find(connection, ids, moments))?;
        rows.into_iter().map(older).collect()
    }

    fn count(&self, instants: Range<DateTime<Utc>>) -> Result<u64, StoreError> {
        let query = attendance::table
            .filter(attendance::login.ge(instants.start).and(attendance::login.lt(instants.end)))
            .count();
        self.read(|connection| query.get_result::<i64>(connection).map(i64::unsigned_abs))
    }
}

impl Amendments for PostgresStore {
    fn trail(&self, entry_id: Uuid) -> Result<Option<Trail>, StoreError> {
        self.read(|connection| amendments::trail(connection, entry_id))?
    }

    fn each_entry_and_amendment(
        &self,
        selection: &Selection,
        each: &mut dyn FnMut(Entry, Option<StoredAmendment>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut started = false;
        self.read(|connection| {
            let mut each = |entry, amendment| {
                started = true;
                each(entry, amendment)
            };
            match sheet::each_entry_and_amendment(connection, selection, &mut each) {
                Err(error) if started => Ok(Err(classify(error, connection))),
                sheet => sheet,
            }
        })?
    }
}

impl Replication for PostgresStore {
    fn position(&self) -> Result<Position, StoreError> {
        self.read(position::position)
    }
}

impl Versioned for PostgresStore {
    fn known_migrations(&self) -> Result<Vec<Migration>, StoreError> {
        migrate::known()
    }

    fn applied_versions(&self) -> Result<Vec<String>, StoreError> {
        self.read(migrate::applied)
    }

    fn migrate(&self, deadline: Instant, applied: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        let mut connection = session::open_for_migrating(&self.target, deadline)?;
        migrate::migrate(&mut connection, self.app_role.as_deref(), applied)
    }

    fn app_role(&self) -> Option<&str> {
        self.app_role.as_deref()
    }
}
