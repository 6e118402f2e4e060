use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use super::problem::Problem;

/// The longest body of a create, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// How much of a body that is too long is read and discarded, in bytes. A client that is still
/// sending when the connection closes would see a reset instead of the answer.
const MAX_DISCARDED: usize = 4 * 1024 * 1024;

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request, read before the request is routed.
pub(crate) enum ReceivedBody {
    Complete(Bytes),
    TooLarge,
    BrokenOff,
    TimedOut,
}

impl ReceivedBody {
    /// Reads a body of at most `MAX_BODY` bytes.
    pub(crate) async fn read(mut body: Incoming) -> Self {
        if body.is_end_stream() {
            return Self::Complete(Bytes::new());
        }
        let deadline = Instant::now() + TIMEOUT;
        let mut received = Vec::new();
        let mut length = 0;
        while length <= MAX_DISCARDED {
            let ended = |other| if length > MAX_BODY { Self::TooLarge } else { other };
            let frame = match timeout_at(deadline, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return ended(Self::Complete(received.into())),
                Ok(Some(Err(_))) => return ended(Self::BrokenOff),
                Err(_) => return ended(Self::TimedOut),
            };
            // Trailers are ignored.
            let Ok(data) = frame.into_data() else { continue };
            length += data.len();
            if received.is_empty() && length <= MAX_BODY && body.is_end_stream() {
                // The usual case: the whole body in one piece, which is not copied.
                return Self::Complete(data);
            }
            if length <= MAX_BODY {
                received.extend_from_slice(&data);
            }
        }
        Self::TooLarge
    }

    /// The bytes of a body that arrived completely.
    pub(crate) fn bytes(&self) -> Result<&[u8], Problem> {
        match self {
            Self::Complete(bytes) => Ok(bytes),
            Self::TooLarge => Err(Problem::body_too_large(MAX_BODY)),
            Self::BrokenOff => {
                Err(Problem::bad_request("The body is malformed, or broke off before its end."))
            }
            Self::TimedOut => {
                Err(Problem::bad_request("The body did not arrive within 10 seconds."))
            }
        }
    }
}
