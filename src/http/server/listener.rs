use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use rocket::local::asynchronous::Client;
use rocket::{Build, Rocket};
use tokio::time::timeout;
use tokio::{join, select};

use super::exchange::Exchange;
use super::file_limit;
use super::port::{Connections, Port};
use crate::http::app::{Apps, apps};
use crate::http::service::Service;
use crate::http::watch::Stopping;

/// How many connections are open at most. An idle one costs some kilobytes.
const MAX_CONNECTIONS: u64 = 16_384;

/// The same for the port of the metrics.
const MAX_METRICS_CONNECTIONS: usize = 8;

/// How many files are kept for the store, for spooled sheets and for the process itself.
const RESERVED_FILES: u64 = 64;

/// How long connections stay open during shutdown although they are idle. A request may already be on
/// its way when the service is asked to stop. Its answer tells the client to close the connection.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Where to listen, and how long requests in flight may take during shutdown.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    pub at: SocketAddr,
    /// The port that serves `/metrics`, and nothing else does, on the same address.
    pub metrics_port: Option<u16>,
    pub grace: Duration,
}

/// The server cannot listen or serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen at {0}")]
    Listen(SocketAddr, #[source] io::Error),
    #[error("cannot start the service: {0}")]
    Routes(String),
}

/// The sockets that listen. Connections wait in the kernel until it serves.
pub struct Server {
    port: Port,
    metrics_port: Option<Port>,
    grace: Duration,
}

impl Server {
    /// Must be called within a runtime.
    pub async fn bind(listen: Listen) -> Result<Self, ServeError> {
        let port = bind(listen.at).await?;
        let metrics_port = match listen.metrics_port {
            Some(metrics_port) => Some(bind((listen.at.ip(), metrics_port).into()).await?),
            None => None,
        };
        Ok(Self { port, metrics_port, grace: listen.grace })
    }

    /// Where it listens, with the real port if any free one was asked for.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Where it serves the metrics, if they have a port of their own.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_port.as_ref().map(Port::address)
    }

    /// Serves until `stop` resolves, and returns when every connection is closed: idle ones after
    /// `DRAIN_TIME`, the others when their request is answered, or when the grace after it is over.
    pub async fn serve(self, service: Service, stop: impl Future) -> Result<(), ServeError> {
        let stopping = service.stopping.clone();
        let Apps { service, metrics } = apps(service, self.metrics_port.is_some());
        let limit = connection_limit();
        let connections = Connections::new(exchange(service, &stopping).await?, limit);
        let metrics = exchange(metrics, &stopping).await?;
        let scrapes = Connections::new(metrics, MAX_METRICS_CONNECTIONS);
        tracing::info!(
            address = %self.address(),
            metrics_address = self.metrics_address().map(tracing::field::display),
            version = env!("CARGO_PKG_VERSION"),
            connections = limit,
            "listening"
        );
        let accepting_scrapes = async {
            match self.metrics_port {
                Some(port) => scrapes.accept(port).await,
                None => pending().await,
            }
        };
        select! {
            () = connections.accept(self.port) => {}
            () = accepting_scrapes => {}
            _ = stop => {}
        }
        stopping.begin();
        tracing::info!("stopping: finishing the requests in flight");
        let mut ended = pin!(async { join!(connections.ended(), scrapes.ended()) });
        if timeout(DRAIN_TIME, &mut ended).await.is_ok() {
            return Ok(());
        }
        connections.stop();
        scrapes.stop();
        if timeout(self.grace, ended).await.is_err() {
            let left = connections.open() + scrapes.open();
            tracing::warn!(connections = left, "cut off: not finished within the grace");
        }
        Ok(())
    }
}

async fn bind(at: SocketAddr) -> Result<Port, ServeError> {
    Port::bind(at).await.map_err(|error| ServeError::Listen(at, error))
}

async fn exchange(app: Rocket<Build>, stopping: &Stopping) -> Result<Exchange, ServeError> {
    // The error's `Debug` is for people, and dropping it unread would panic.
    let failed = |error: rocket::Error| ServeError::Routes(error.kind().to_string());
    let rocket = Client::untracked(app).await.map_err(failed)?;
    Ok(Exchange::new(rocket, stopping.clone()))
}

/// As many as there are files for them, but no more than `MAX_CONNECTIONS`.
fn connection_limit() -> usize {
    let files = file_limit::raise().unwrap_or(u64::MAX);
    // With very few files, half of them are for connections.
    let limit = files.saturating_sub(RESERVED_FILES).max(files / 2).clamp(1, MAX_CONNECTIONS);
    usize::try_from(limit).unwrap_or(usize::MAX)
}
