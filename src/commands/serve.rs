use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::{runtime, select, task};

use super::failure::Failure;
use super::migrate::bring_up_to_date;
use super::signals::stop_signal;
use super::stores::{open, open_replica};
use crate::domain::{Access, Clock};
use crate::gate::{Agent, AgentSetup, Upstream};
use crate::http::{Listen, Server, Service, Setup};
use crate::logging;
use crate::settings::{LogFormat, Misspelt, Settings};
use crate::store::{Forwarding, replica_timeout};

/// How many entries wait for the store at most; the next is refused as `busy`. They are about 40 ms
/// of work at full speed, and less than a megabyte.
const QUEUE_LIMIT: usize = 1_024;

/// How long a start that migrates waits for the database.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the writer may take once every request is answered. Nothing waits any more then, unless
/// the store blocks the writer.
const WRITER_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a gate agent may take to end.
const AGENT_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) fn serve(
    settings: Settings,
    access: Access,
    upstream: Option<Upstream>,
    misspelt: &[Misspelt],
) -> Result<(), Failure> {
    logging::start(settings.log.filter.clone(), settings.log.format.map(|f| f == LogFormat::Json));
    for setting in misspelt {
        tracing::warn!("{setting}");
    }
    let runtime = runtime::Builder::new_multi_thread()
        .thread_name("http")
        .enable_all()
        .build()
        .map_err(|error| Failure::of("cannot start the runtime", &error))?;
    let served = runtime.block_on(serve_until_stopped(settings, access, upstream));
    // A read that the store does not answer must not keep the process alive.
    runtime.shutdown_background();
    tracing::info!("stopped");
    logging::finish();
    served
}

async fn serve_until_stopped(
    settings: Settings,
    access: Access,
    upstream: Option<Upstream>,
) -> Result<(), Failure> {
    // Before anything else, so that a signal also ends a start that waits for the store.
    let stop = stop_signal().map_err(|error| Failure::of("cannot wait for signals", &error))?;
    let mut stop = pin!(stop);

    let store = open(&settings, settings.timeout);
    if settings.migrate_on_start {
        let deadline = Instant::now() + MIGRATION_TIMEOUT;
        let store = store.clone();
        let migrating = task::spawn_blocking(move || {
            bring_up_to_date(&*store, deadline, |line| tracing::info!("{line}"))
        });
        select! {
            migrated = migrating => {
                migrated.map_err(|error| Failure::of("cannot migrate", &error))??;
            }
            _ = &mut stop => return Ok(()),
        }
    }

    let clock = Clock::system();
    let forwarding = upstream.is_some().then(|| Arc::new(Forwarding::default()));
    let (service, writer) = Service::start(Setup {
        store: store.clone(),
        replica: open_replica(&settings, replica_timeout(settings.timeout)),
        connections: settings.pool_size as usize,
        timeout: settings.timeout,
        queue_limit: QUEUE_LIMIT,
        access,
        admin_token: settings.access.admin_token,
        site: settings.site,
        clock: clock.clone(),
        forwarding: forwarding.clone(),
    })
    .map_err(|error| Failure::of("cannot start the service's threads", &error))?;
    let agent = match (upstream, forwarding) {
        (Some(upstream), Some(forwarding)) => {
            let keep = settings.upstream.keep;
            let queue = writer.queue();
            let setup = AgentSetup { upstream, store, forwarding, queue, clock, keep };
            Some(start_agent(setup)?)
        }
        _ => None,
    };
    // A request that waits for the store during shutdown is answered before its connection closes.
    let listen = Listen {
        at: settings.listen,
        metrics_port: settings.metrics_port,
        grace: settings.timeout + Duration::from_secs(1),
    };
    Server::bind(listen).await?.serve(service, stop).await?;
    if let Some(agent) = agent {
        // What it is sending now is sent again by the next start.
        task::block_in_place(|| agent.finish(AGENT_TIMEOUT));
    }
    if !task::block_in_place(|| writer.finish(WRITER_TIMEOUT)) {
        tracing::warn!(
            "the store did not answer before the end; retries with the same entry_id are safe"
        );
    }
    Ok(())
}

fn start_agent(setup: AgentSetup) -> Result<Agent, Failure> {
    let url = &setup.upstream.url;
    tracing::info!(upstream = url.as_str(), "entries are forwarded");
    if !url.is_https() && !url.is_loopback() {
        tracing::warn!("ROLLCALL_UPSTREAM is http: names and the token cross the network in clear");
    }
    Agent::start(setup).map_err(|error| Failure::of("cannot start the gate agent", &error))
}
