use std::pin::pin;
use std::time::{Duration, Instant};

use rocket::tokio::{runtime, select, task};

use super::{Failure, migrate::bring_up_to_date, open, open_replica, signals::stop_signal};
use crate::domain::Clock;
use crate::http::{self, Listen, Service};
use crate::logging;
use crate::settings::{LogFormat, Settings};
use crate::store::{Reader, Sheets, Writer};

/// How many entries wait for the store at most; the next is refused as `busy`. Some 40 ms of work
/// at full speed, and under a megabyte.
const QUEUE_LIMIT: usize = 1_024;

/// How long a start waits for the database if it is to migrate it.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(60);

/// How long the writer may take once every request has had its answer: nothing waits any more,
/// unless the store holds the writer itself.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn serve(settings: Settings) -> Result<(), Failure> {
    logging::start(settings.log.filter.clone(), settings.log.format.map(|f| f == LogFormat::Json));
    let runtime = runtime::Builder::new_multi_thread()
        .thread_name("rocket-worker")
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("cannot start the runtime: {error}")))?;
    let served = runtime.block_on(serve_until_stopped(settings));
    // What the store does not let go of must not keep the process.
    runtime.shutdown_background();
    tracing::info!("stopped");
    served
}

async fn serve_until_stopped(settings: Settings) -> Result<(), Failure> {
    // Heeded from the very start, however long the store makes us wait.
    let stop = stop_signal().map_err(|e| Failure(format!("cannot wait for signals: {e}")))?;
    let mut stop = pin!(stop);

    let store = open(&settings, settings.timeout);
    if settings.migrate_on_start {
        let deadline = Instant::now() + MIGRATION_PATIENCE;
        let store = store.clone();
        let migrating = task::spawn_blocking(move || {
            bring_up_to_date(&*store, deadline, |line| tracing::info!("{line}"))
        });
        select! {
            migrated = migrating => migrated.map_err(|e| Failure(format!("migrating: {e}")))??,
            _ = &mut stop => return Ok(()),
        }
    }

    let writer = Writer::start(store.clone(), QUEUE_LIMIT, settings.timeout)
        .map_err(|error| Failure(format!("cannot start the writer: {error}")))?;
    let connections = settings.pool_size as usize;
    let reader = Reader::new(store, connections, settings.timeout);
    let replica = open_replica(&settings, Sheets::replica_timeout(settings.timeout));
    let service = Service {
        queue: writer.queue(),
        sheets: match replica {
            Some(replica) => Sheets::from_replica(reader.clone(), replica, connections),
            None => Sheets::from_primary(reader.clone()),
        },
        reader,
        site: settings.site,
        clock: Clock::system(),
    };
    // Whoever waits for the store when the end comes is answered before the connections close.
    let listen = Listen { at: settings.listen, grace: settings.timeout + Duration::from_secs(1) };
    let served = http::serve(service, listen, stop).await;
    if !task::block_in_place(|| writer.finish(LAST_PATIENCE)) {
        tracing::warn!(
            "the store did not answer to the end; retries with the same entry_id are safe"
        );
    }
    served.map_err(Failure)
}
