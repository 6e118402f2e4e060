use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// How long a connection may be idle between two requests. Longer than a minute, since gates post
/// every minute, and than the 60 s after which proxies close idle connections by themselves.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The same two timeouts while further clients wait because no more connections may be open.
const TIMEOUT_WHEN_FULL: Duration = Duration::from_secs(5);

/// How long a client may accept nothing of an answer.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// What one connection is doing, and since when. Clones share the state.
#[derive(Clone)]
pub(super) struct Activity(Arc<Shared>);

struct Shared {
    phase: Mutex<(Phase, Instant)>,
    broken_off: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No byte of the next request has arrived.
    Idle,
    /// A part of a request's head has arrived.
    Head,
    /// A request is being received and handled, which has timeouts of its own.
    Handling,
    /// An answer is being sent; counted from the last byte that the client accepted.
    Sending,
    /// The same, once all of the answer is in hyper's buffer.
    Flushing,
}

impl Activity {
    /// The activity of a connection that was just opened.
    pub(super) fn new() -> Self {
        let phase = Mutex::new((Phase::Idle, Instant::now()));
        Self(Arc::new(Shared { phase, broken_off: Notify::new() }))
    }

    pub(super) fn phase(&self) -> Phase {
        self.lock().0
    }

    pub(super) fn begin(&self, phase: Phase) {
        *self.lock() = (phase, Instant::now());
    }

    /// Has the connection closed at once, because its answer cannot be sent to the end.
    pub(super) fn break_off(&self) {
        self.0.broken_off.notify_one();
    }

    /// Returns when the connection must be closed at once.
    pub(super) async fn broken_off(&self) {
        self.0.broken_off.notified().await;
    }

    /// Whether the connection must be closed. `is_full` says that other clients wait for one.
    pub(super) fn has_timed_out(&self, is_full: bool) -> bool {
        let (phase, since) = *self.lock();
        let timeout = match phase {
            Phase::Idle | Phase::Head if is_full => TIMEOUT_WHEN_FULL,
            Phase::Idle => IDLE_TIMEOUT,
            Phase::Head => HEAD_TIMEOUT,
            Phase::Handling => return false,
            Phase::Sending | Phase::Flushing => SEND_TIMEOUT,
        };
        since.elapsed() > timeout
    }

    /// A body has ended that went on after the answer. What arrived of it was taken for a head.
    pub(super) fn end_body(&self) {
        let mut state = self.lock();
        if state.0 == Phase::Head {
            *state = (Phase::Idle, Instant::now());
        }
    }

    fn received(&self) {
        let mut state = self.lock();
        if state.0 == Phase::Idle {
            *state = (Phase::Head, Instant::now());
        }
    }

    fn sent(&self) {
        let mut state = self.lock();
        if matches!(state.0, Phase::Sending | Phase::Flushing) {
            state.1 = Instant::now();
        }
    }

    fn flushed(&self) {
        let mut state = self.lock();
        if state.0 == Phase::Flushing {
            *state = (Phase::Idle, Instant::now());
        }
    }

    /// No panic can happen while the lock is held.
    fn lock(&self) -> MutexGuard<'_, (Phase, Instant)> {
        self.0.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that reports what it receives and sends.
pub(super) struct Observed<S> {
    stream: S,
    activity: Activity,
}

impl<S> Observed<S> {
    pub(super) fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Observed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Observed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.activity.sent();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.activity.sent();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.activity.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn since(phase: Phase, age: Duration) -> Activity {
        let phase = Mutex::new((phase, Instant::now() - age));
        Activity(Arc::new(Shared { phase, broken_off: Notify::new() }))
    }

    #[test]
    fn a_half_sent_head_times_out_sooner_than_an_idle_connection() {
        let seconds = Duration::from_secs;
        for (phase, age, timed_out, when_full) in [
            (Phase::Idle, 4, false, false),
            (Phase::Idle, 76, false, true),
            (Phase::Idle, 91, true, true),
            (Phase::Head, 9, false, true),
            (Phase::Head, 11, true, true),
            (Phase::Handling, 3_600, false, false),
            (Phase::Sending, 59, false, false),
            (Phase::Sending, 61, true, true),
        ] {
            let activity = since(phase, seconds(age));
            assert_eq!(activity.has_timed_out(false), timed_out, "{phase:?} {age}");
            assert_eq!(activity.has_timed_out(true), when_full, "{phase:?} {age} when full");
        }
    }

    #[tokio::test]
    async fn bytes_begin_a_head_and_keep_an_answer_alive() {
        let (mut client, server) = duplex(64);
        let activity = Activity::new();
        let mut server = Observed::new(server, activity.clone());
        client.write_all(b"GET").await.unwrap();
        server.read_exact(&mut [0; 3]).await.unwrap();
        assert_eq!(activity.phase(), Phase::Head);

        activity.begin(Phase::Handling);
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0; 1]).await.unwrap();
        assert_eq!(activity.phase(), Phase::Handling, "a body is no head");

        let stalled = since(Phase::Sending, SEND_TIMEOUT * 2);
        let mut server = Observed::new(server, stalled.clone());
        assert!(stalled.has_timed_out(false));
        server.write_all(b"y").await.unwrap();
        assert!(!stalled.has_timed_out(false), "the client accepts bytes");
        server.flush().await.unwrap();
        assert_eq!(stalled.phase(), Phase::Sending, "the answer goes on");
        stalled.begin(Phase::Flushing);
        server.flush().await.unwrap();
        assert_eq!(stalled.phase(), Phase::Idle);
    }
}
