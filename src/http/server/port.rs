use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use super::connection;
use super::exchange::Exchange;

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

/// A socket that listens. Connections wait in the kernel until it is served.
pub(super) struct Port {
    listener: TcpListener,
    address: SocketAddr,
}

/// A bounded number of connections that requests arrive on.
pub(super) struct Connections {
    exchange: Arc<Exchange>,
    permits: Arc<Semaphore>,
    limit: usize,
    /// Whether other clients wait.
    is_full: Arc<AtomicBool>,
    stopped: watch::Sender<bool>,
}

impl Port {
    pub(super) async fn bind(at: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens, with the real port if any free one was asked for.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Connections {
    /// `limit` bounds how many are open at once.
    pub(super) fn new(exchange: Exchange, limit: usize) -> Self {
        Self {
            exchange: Arc::new(exchange),
            permits: Arc::new(Semaphore::new(limit)),
            limit,
            is_full: Arc::default(),
            stopped: watch::Sender::new(false),
        }
    }

    /// Accepts and serves connections, without end. `port` is closed when this is given up.
    pub(super) async fn accept(&self, port: Port) {
        loop {
            // At the limit, connections wait in the kernel until another one ends.
            self.is_full.store(self.permits.available_permits() == 0, Ordering::Relaxed);
            let Ok(permit) = self.permits.clone().acquire_owned().await else { return };
            let stream = accept(&port.listener).await;
            let (exchange, is_full) = (self.exchange.clone(), self.is_full.clone());
            let stop = self.stopped.subscribe();
            tokio::spawn(async move {
                connection::serve(stream, exchange, is_full, stop).await;
                drop(permit);
            });
        }
    }

    /// Asks every connection to end after the request that it handles.
    pub(super) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Returns when none is open any more.
    pub(super) async fn ended(&self) {
        let all = u32::try_from(self.limit).unwrap_or(u32::MAX);
        // It fails only if the semaphore is closed, which nobody does.
        let _ = self.permits.acquire_many(all).await;
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.limit - self.permits.available_permits()
    }
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
