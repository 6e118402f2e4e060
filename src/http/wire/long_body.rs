use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rocket::Request;
use tokio::task::{JoinHandle, spawn_blocking};

use super::parts::Parts;
use super::spool::SpooledSheet;

/// The body of an answer that is too long to pass through Rocket, whose bodies borrow the request
/// and are copied. A responder leaves it here, and the server sends it. Clones share the place.
#[derive(Clone, Default)]
pub(crate) struct LongBody(Arc<OnceLock<Left>>);

enum Left {
    Spooled {
        before: Bytes,
        sheet: SpooledSheet,
        after: Bytes,
    },
    /// Absent once the server has taken it.
    Parts(Mutex<Option<Parts>>),
}

/// A body that was left.
pub(crate) enum LongContent {
    Chunks(Chunks),
    Parts(Parts),
}

impl LongBody {
    /// The place of `request`, which the server has put there.
    pub(crate) fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(Self::default)
    }

    /// Leaves a body whose length is known. The answer must have its `Content-Length`.
    pub(crate) fn set(&self, sheet: SpooledSheet) {
        self.set_between(Bytes::new(), sheet, Bytes::new());
    }

    /// The same with something before and after it.
    pub(crate) fn set_between(&self, before: Bytes, sheet: SpooledSheet, after: Bytes) {
        // A request has one answer, so nothing was left before.
        let _ = self.0.set(Left::Spooled { before, sheet, after });
    }

    /// Leaves a body whose length is not known.
    pub(crate) fn set_parts(&self, parts: Parts) {
        let _ = self.0.set(Left::Parts(Mutex::new(Some(parts))));
    }

    /// Whether the length of the body is not known, so that the answer has no `Content-Length`.
    pub(crate) fn has_unknown_length(&self) -> bool {
        matches!(self.0.get(), Some(Left::Parts(_)))
    }

    /// The body that was left, if there is one.
    pub(crate) fn take(&self) -> Option<LongContent> {
        match self.0.get()? {
            Left::Spooled { before, sheet, after } => {
                let (before, sheet, after) = (before.clone(), sheet.clone(), after.clone());
                let chunks = Chunks { before, sheet, after, position: 0, coming: None };
                Some(LongContent::Chunks(chunks))
            }
            // No panic can happen while the lock is held.
            Left::Parts(parts) => {
                let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                parts.take().map(LongContent::Parts)
            }
        }
    }
}

/// Reads a body chunk by chunk, from the disk in blocking threads.
pub(crate) struct Chunks {
    /// Empty once it was sent, as `after`.
    before: Bytes,
    sheet: SpooledSheet,
    after: Bytes,
    /// In the sheet.
    position: u64,
    coming: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Chunks {
    /// The bytes that are left.
    pub(crate) fn left(&self) -> u64 {
        let around = self.before.len() + self.after.len();
        self.sheet.length() - self.position + around as u64
    }

    /// The next chunk; `None` at the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if !self.before.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.before))));
        }
        if self.position == self.sheet.length() {
            let after = std::mem::take(&mut self.after);
            return Poll::Ready((!after.is_empty()).then_some(Ok(after)));
        }
        let chunk = match self.sheet.is_on_disk() {
            false => self.sheet.chunk(self.position),
            true => {
                let (sheet, position) = (self.sheet.clone(), self.position);
                let coming = self
                    .coming
                    .get_or_insert_with(|| spawn_blocking(move || sheet.chunk(position)));
                let read = ready!(Pin::new(coming).poll(cx)).map_err(io::Error::other);
                self.coming = None;
                read.flatten()
            }
        };
        if let Ok(chunk) = &chunk {
            self.position += chunk.len() as u64;
        }
        Poll::Ready(Some(chunk))
    }
}
