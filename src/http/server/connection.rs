use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::activity::{Activity, Observed, Phase};
use super::exchange::Exchange;

/// How often a connection checks its timeouts, so a timeout may be this much late. A timer for each
/// request would cost more than everything else here.
const TICK: Duration = Duration::from_secs(5);

/// Serves one connection until it ends, times out, or `stop` changes: then a request that is being
/// handled is still answered. `is_full` says that other clients wait.
pub(super) async fn serve(
    stream: TcpStream,
    exchange: Arc<Exchange>,
    is_full: Arc<AtomicBool>,
    mut stop: watch::Receiver<bool>,
) {
    let activity = Activity::new();
    let io = TokioIo::new(Observed::new(stream, activity.clone()));
    let handling = activity.clone();
    let service = service_fn(move |request| exchange.clone().answer(request, handling.clone()));
    let mut connection = pin!(http1::Builder::new().serve_connection(io, service));
    let mut broken_off = pin!(activity.broken_off());
    let mut ticks = interval_at(Instant::now() + TICK, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_stopping = false;
    loop {
        select! {
            biased;
            // An error is the client's: it left, or what it sent is not HTTP.
            _ = &mut connection => return,
            () = &mut broken_off => return,
            _ = ticks.tick() => {
                if activity.has_timed_out(is_full.load(Ordering::Relaxed)) {
                    return;
                }
            }
            _ = stop.changed(), if !is_stopping => {
                is_stopping = true;
                match activity.phase() {
                    Phase::Idle | Phase::Head => return,
                    Phase::Handling | Phase::Sending | Phase::Flushing => {
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}
