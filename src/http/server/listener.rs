use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rocket::local::asynchronous::Client;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::exchange::Exchange;
use super::{connection, file_limit};
use crate::http::app::app;
use crate::http::service::Service;

/// How many connections are open at most. An idle one costs some kilobytes.
const MAX_CONNECTIONS: u64 = 16_384;

/// How many files are kept for the store, for spooled sheets and for the process itself.
const RESERVED_FILES: u64 = 64;

/// After this time without a byte the kernel asks a peer whether it is still there, up to
/// `KEEPALIVE_PROBES` times, `KEEPALIVE_INTERVAL` apart. A peer that is gone is forgotten within a
/// minute.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// How long sent bytes may stay unacknowledged before the peer is taken to be gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);

/// The pause after a failure to accept that is not the client's, such as too few files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where to listen, and how long requests in flight may take during shutdown.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    pub at: SocketAddr,
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

/// A socket that listens. Connections wait in the kernel until it serves.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    grace: Duration,
}

impl Server {
    /// Must be called within a runtime.
    pub async fn bind(listen: Listen) -> Result<Self, ServeError> {
        let failed = |error| ServeError::Listen(listen.at, error);
        let listener = TcpListener::bind(listen.at).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, grace: listen.grace })
    }

    /// Where it listens, with the real port if any free one was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves, and returns when every request in flight is answered, or when
    /// the grace is over.
    pub async fn serve(self, service: Service, stop: impl Future) -> Result<(), ServeError> {
        let stopping = service.stopping.clone();
        // The error's `Debug` is for people, and dropping it unread would panic.
        let failed = |error: rocket::Error| ServeError::Routes(error.kind().to_string());
        let rocket = Client::untracked(app(service)).await.map_err(failed)?;
        let exchange = Arc::new(Exchange::new(rocket));
        let limit = connection_limit();
        let permits = Arc::new(Semaphore::new(limit));
        let is_full = Arc::new(AtomicBool::new(false));
        let (stopped, stop_connections) = watch::channel(false);
        tracing::info!(
            address = %self.address,
            version = env!("CARGO_PKG_VERSION"),
            connections = limit,
            "listening"
        );
        let accepting = async {
            loop {
                // At the limit, connections wait in the kernel until another one ends.
                is_full.store(permits.available_permits() == 0, Ordering::Relaxed);
                let Ok(permit) = permits.clone().acquire_owned().await else { return };
                let stream = accept(&self.listener).await;
                let (exchange, stop) = (exchange.clone(), stop_connections.clone());
                let is_full = is_full.clone();
                tokio::spawn(async move {
                    connection::serve(stream, exchange, is_full, stop).await;
                    drop(permit);
                });
            }
        };
        select! {
            () = accepting => {}
            _ = stop => {}
        }
        stopping.begin();
        tracing::info!("stopping: finishing the requests in flight");
        drop(self.listener);
        stopped.send_replace(true);
        let all = u32::try_from(limit).unwrap_or(u32::MAX);
        if timeout(self.grace, permits.acquire_many(all)).await.is_err() {
            let left = limit - permits.available_permits();
            tracing::warn!(connections = left, "cut off: not finished within the grace");
        }
        Ok(())
    }
}

/// As many as there are files for them, but no more than `MAX_CONNECTIONS`.
fn connection_limit() -> usize {
    let files = file_limit::raise().unwrap_or(u64::MAX);
    // With very few files, half of them are for connections.
    let limit = files.saturating_sub(RESERVED_FILES).max(files / 2).clamp(1, MAX_CONNECTIONS);
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = configure(&stream) {
                    tracing::debug!(%error, "cannot set the options of a connection");
                }
                return stream;
            }
            Err(error) if is_clients(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the client left before it was accepted.
fn is_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}
