use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use rocket::Request;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::problem::Problem;

/// How much of a body that nobody needs is read and discarded, in bytes. A client that is still
/// sending when the connection closes would see a reset instead of the answer.
const MAX_DISCARDED: usize = 4 * 1024 * 1024;

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request. It is read when a handler needs it, so that no other answer waits for it.
/// Clones share it.
#[derive(Clone)]
pub(crate) struct RequestBody(Arc<Shared>);

struct Shared {
    /// What has not been read. Absent while it is being read, and once nothing can follow.
    unread: Mutex<Option<Incoming>>,
    received: OnceCell<Received>,
}

enum Received {
    Complete(Bytes),
    TooLarge,
    BrokenOff,
    TimedOut,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming) -> Self {
        let unread = Some(body).filter(|body| !body.is_end_stream());
        Self(Arc::new(Shared { unread: Mutex::new(unread), received: OnceCell::new() }))
    }

    /// The body of `request`, which the server has put there.
    pub(crate) fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(|| {
            let (unread, received) = (Mutex::new(None), OnceCell::new());
            Self(Arc::new(Shared { unread, received }))
        })
    }

    /// The most bytes that reading it with this limit keeps in memory, by what the client has said.
    pub(crate) fn most_bytes(&self, limit: usize) -> usize {
        let unread = self.0.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let upper = unread.as_ref().map_or(Some(0), |body| body.size_hint().upper());
        upper.and_then(|upper| upper.try_into().ok()).unwrap_or(limit).min(limit)
    }

    /// The bytes of a body that arrives completely and has at most `limit` of them. A request has one
    /// guard that reads its body, so the limit is always the same.
    pub(crate) async fn bytes(&self, limit: usize) -> Result<&[u8], Problem> {
        match self.0.received.get_or_init(|| self.read(limit)).await {
            Received::Complete(bytes) => Ok(bytes),
            Received::TooLarge => Err(Problem::body_too_large(limit)),
            Received::BrokenOff => {
                Err(Problem::bad_request("The body is malformed, or broke off before its end."))
            }
            Received::TimedOut => {
                Err(Problem::bad_request("The body did not arrive within 10 seconds."))
            }
        }
    }

    /// The bytes, if the body was read and is complete.
    pub(crate) fn read_bytes(&self) -> Option<&[u8]> {
        match self.0.received.get() {
            Some(Received::Complete(bytes)) => Some(bytes),
            _ => None,
        }
    }

    async fn read(&self, limit: usize) -> Received {
        let Some(mut body) = self.take_unread() else { return Received::Complete(Bytes::new()) };
        let received = Received::read(&mut body, limit).await;
        if matches!(received, Received::TooLarge) {
            *self.0.unread.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
        received
    }

    /// What nobody has read of the body, if something can follow.
    pub(crate) fn take_unread(&self) -> Option<Incoming> {
        // No panic can happen while the lock is held.
        self.0.unread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Received {
    /// Reads a body, up to the piece that makes it longer than `limit` bytes.
    async fn read(body: &mut Incoming, limit: usize) -> Self {
        // The client may have told the length.
        if body.size_hint().lower() > limit as u64 {
            return Self::TooLarge;
        }
        let deadline = Instant::now() + TIMEOUT;
        let mut received = Vec::new();
        loop {
            let frame = match timeout_at(deadline, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Self::Complete(received.into()),
                Ok(Some(Err(_))) => return Self::BrokenOff,
                Err(_) => return Self::TimedOut,
            };
            // Trailers are ignored.
            let Ok(data) = frame.into_data() else { continue };
            if received.len() + data.len() > limit {
                return Self::TooLarge;
            }
            if received.is_empty() && body.is_end_stream() {
                // The usual case: the whole body in one piece, which is not copied.
                return Self::Complete(data);
            }
            received.extend_from_slice(&data);
        }
    }
}

/// Reads what is left of a body and discards it, within bounds. Beyond them, dropping the body has
/// the connection closed.
pub(crate) async fn discard(mut body: Incoming) {
    let deadline = Instant::now() + TIMEOUT;
    let mut length = 0;
    while length <= MAX_DISCARDED {
        let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await else { return };
        length += frame.data_ref().map_or(0, Bytes::len);
    }
}
