use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::sqlite::SqliteConnection;
use uuid::Uuid;

use super::classify::classify;
use super::record::SqliteRecorder;
use super::refusal::refusal;
use super::row::older;
use super::{amendments, import_lock, migrate, session, sheet};
use crate::domain::{Entry, Selection, StoredAmendment, Trail};
use crate::store::{
    Amendments, Entries, Forwards, Migration, Recorder, Store, StoreError, Stored, Versioned,
};

/// Entries in one SQLite file, in write-ahead mode: one writer, and readers that never wait for it.
pub struct SqliteStore {
    file: PathBuf,
    timeout: Duration,
    reads: session::Connections,
}

impl SqliteStore {
    /// Does not open the file yet. `timeout` bounds the wait for a connection and for the file's lock.
    pub fn new(file: PathBuf, pool_size: u32, timeout: Duration) -> Self {
        let reads = session::pool(&file, pool_size, timeout);
        Self { file, timeout, reads }
    }

    /// The same for a file that must not be changed.
    pub fn read_only(file: PathBuf, pool_size: u32, timeout: Duration) -> Self {
        let reads = session::read_only_pool(&file, pool_size, timeout);
        Self { file, timeout, reads }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Opens a connection of its own.
    pub(super) fn open(&self) -> Result<SqliteConnection, StoreError> {
        session::open(&self.file, self.timeout)
    }

    pub(super) fn reader(&self) -> Result<session::Pooled, StoreError> {
        self.reads.get().map_err(StoreError::unreachable)
    }
}

impl Store for SqliteStore {
    fn kind(&self) -> &'static str {
        "embedded"
    }

    fn forwards(&self) -> Option<&dyn Forwards> {
        Some(self)
    }
}

impl Entries for SqliteStore {
    fn recorder(&self) -> Result<Box<dyn Recorder>, StoreError> {
        Ok(Box::new(SqliteRecorder::new(self.open()?)))
    }

    fn import_recorder(&self) -> Result<Option<Box<dyn Recorder>>, StoreError> {
        match import_lock::take(&self.file)? {
            Some(lock) => Ok(Some(Box::new(SqliteRecorder::holding(self.open()?, lock)))),
            None => Ok(None),
        }
    }

    fn each_entry(
        &self,
        selection: &Selection,
        each: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut connection = self.reader()?;
        sheet::each_entry(&mut connection, selection, each)
            .map_err(|error| classify(error, &mut connection))?
    }

    fn find(&self, ids: &[Uuid], moments: &[DateTime<Utc>]) -> Result<Vec<Stored>, StoreError> {
        let mut connection = self.reader()?;
        let rows = sheet::find(&mut connection, ids, moments)
            .map_err(|error| classify(error, &mut connection))?;
        rows.into_iter().map(older).collect()
    }

    fn count(&self, instants: Range<DateTime<Utc>>) -> Result<u64, StoreError> {
        let mut connection = self.reader()?;
        sheet::count(&mut connection, &instants).map_err(|error| classify(error, &mut connection))
    }
}

impl Amendments for SqliteStore {
    fn trail(&self, entry_id: Uuid) -> Result<Option<Trail>, StoreError> {
        let mut connection = self.reader()?;
        amendments::trail(&mut connection, entry_id)
            .map_err(|error| classify(error, &mut connection))?
    }

    fn each_entry_and_amendment(
        &self,
        selection: &Selection,
        each: &mut dyn FnMut(Entry, Option<StoredAmendment>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut connection = self.reader()?;
        sheet::each_entry_and_amendment(&mut connection, selection, each)
            .map_err(|error| classify(error, &mut connection))?
    }
}

impl Versioned for SqliteStore {
    fn known_migrations(&self) -> Result<Vec<Migration>, StoreError> {
        migrate::known()
    }

    fn applied_versions(&self) -> Result<Vec<String>, StoreError> {
        // Opening a missing file would create it.
        match self.file.exists() {
            true => migrate::applied(&mut *self.reader()?).map_err(refusal),
            false => Ok(Vec::new()),
        }
    }

    fn migrate(&self, deadline: Instant, applied: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        migrate::migrate(&mut session::open(&self.file, left)?, applied)
    }
}
