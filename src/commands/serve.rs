use std::time::{Duration, Instant};

use rocket::tokio;

use super::{Failure, migrate::bring_up_to_date, open};
use crate::domain::Clock;
use crate::http::{self, Listen, Service};
use crate::logging;
use crate::settings::{LogFormat, Settings};
use crate::store::{Reader, Writer};

/// How many entries wait for the store at most; the next is refused as `busy`. Some 40 ms of work
/// at full speed, and under a megabyte.
const QUEUE_LIMIT: usize = 1_024;

/// How long a start waits for the database if it is to migrate it.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn serve(settings: Settings) -> Result<(), Failure> {
    logging::start(settings.log.filter.clone(), settings.log.format.map(|f| f == LogFormat::Json));
    let store = open(&settings, settings.timeout);
    if settings.migrate_on_start {
        let deadline = Instant::now() + MIGRATION_PATIENCE;
        bring_up_to_date(&*store, deadline, |line| tracing::info!("{line}"))?;
    }
    let writer = Writer::start(store.clone(), QUEUE_LIMIT, settings.timeout)
        .map_err(|error| Failure(format!("cannot start the writer: {error}")))?;
    let service = Service {
        queue: writer.queue(),
        reader: Reader::new(store, settings.pool_size as usize, settings.timeout),
        site: settings.site,
        clock: Clock::system(),
    };
    // Whoever waits for the store when the end comes is answered before the connections close.
    let listen = Listen { at: settings.listen, grace: settings.timeout + Duration::from_secs(1) };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("rocket-worker")
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("cannot start the runtime: {error}")))?;
    let served = runtime.block_on(http::serve(service, listen));
    if !writer.finish() {
        tracing::warn!(
            "the store did not answer to the end; retries with the same entry_id are safe"
        );
    }
    // A read that the store does not let go of must not keep the process.
    runtime.shutdown_background();
    tracing::info!("stopped");
    served.map_err(Failure)
}
