use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::migrate::bring_up_to_date;
use crate::settings::{Database, Settings};
use crate::store::{PostgresStore, SqliteStore, Store};

/// The store that the settings name. It is not connected or opened yet.
pub(super) fn open(settings: &Settings, timeout: Duration) -> Arc<dyn Store> {
    match &settings.database {
        Database::Postgres { primary, app_role, .. } => {
            let store = PostgresStore::new(primary.clone(), settings.pool_size, timeout);
            Arc::new(store.granting_to(app_role.clone()))
        }
        Database::Embedded(file) => {
            Arc::new(SqliteStore::new(file.clone(), settings.pool_size, timeout))
        }
    }
}

/// The same for a command that may be the first one to use it: an embedded store is migrated as `serve`
/// would do it.
pub(super) fn open_for_use(
    settings: &Settings,
    timeout: Duration,
) -> Result<Arc<dyn Store>, Failure> {
    let store = open(settings, timeout);
    if settings.migrate_on_start && matches!(settings.database, Database::Embedded(_)) {
        bring_up_to_date(&*store, Instant::now() + timeout, |_| {})?;
    }
    Ok(store)
}

/// The replica that the settings name, if they name one.
pub(super) fn open_replica(settings: &Settings, timeout: Duration) -> Option<Arc<dyn Store>> {
    match &settings.database {
        Database::Postgres { replica: Some(replica), .. } => {
            Some(Arc::new(PostgresStore::new(*replica.clone(), settings.pool_size, timeout)))
        }
        _ => None,
    }
}
