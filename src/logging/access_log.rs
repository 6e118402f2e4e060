use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use chrono::Utc;

use crate::domain::Stamp;

/// The target of access lines, for the filter.
pub(super) const TARGET: &str = "rollcall::access";

/// How long a line may wait to be written together with others.
const DELAY: Duration = Duration::from_millis(100);

/// How much may wait, in bytes. Requests that find more write it themselves, so that an output
/// that blocks slows them down and loses nothing.
const MAX_WAITING: usize = 1024 * 1024;

/// One access line for each request would cost more than the request if each were formatted by a
/// tracing layer and written by a call of its own. So they are formatted into a buffer, which one
/// thread writes out ten times a second. All other log lines are written at once.
pub(super) struct AccessLog {
    format: AccessFormat,
    shared: Arc<Shared>,
}

/// The format of a line's message and fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessFormat {
    /// Members of a JSON object.
    Json,
    /// `message name=value ...`
    Text,
}

#[derive(Default)]
struct Shared {
    lines: Mutex<Vec<u8>>,
    /// Signalled when the first line is added.
    added: Condvar,
}

impl AccessLog {
    /// Starts the thread.
    pub(super) fn start(format: AccessFormat) -> Self {
        let shared = Arc::new(Shared::default());
        let written = shared.clone();
        let thread = thread::Builder::new().name("access log".into());
        if let Err(error) = thread.spawn(move || written.write_repeatedly()) {
            // The requests write the lines then.
            tracing::warn!(%error, "cannot start the thread of the access log");
        }
        Self { format, shared }
    }

    /// Adds a line. `write` appends its message and fields.
    pub(super) fn push(&self, write: impl FnOnce(AccessFormat, &mut Vec<u8>)) {
        let now = Stamp::utc(Utc::now());
        let mut lines = self.shared.lock();
        let was_empty = lines.is_empty();
        match self.format {
            AccessFormat::Json => {
                lines.extend_from_slice(b"{\"timestamp\":\"");
                lines.extend_from_slice(now.as_bytes());
                lines.extend_from_slice(b"\",\"level\":\"INFO\",");
                write(self.format, &mut lines);
                lines.extend_from_slice(b",\"target\":\"rollcall::access\"}\n");
            }
            AccessFormat::Text => {
                lines.extend_from_slice(now.as_bytes());
                lines.extend_from_slice(b"  INFO rollcall::access: ");
                write(self.format, &mut lines);
                lines.push(b'\n');
            }
        }
        let is_full = lines.len() > MAX_WAITING;
        drop(lines);
        if is_full {
            self.flush();
        } else if was_empty {
            self.shared.added.notify_one();
        }
    }

    /// Writes what waits.
    pub(super) fn flush(&self) {
        self.shared.write();
    }
}

impl Shared {
    fn write_repeatedly(&self) {
        loop {
            let lines = self.lock();
            let waited = self.added.wait_while(lines, |lines| lines.is_empty());
            drop(waited);
            thread::sleep(DELAY);
            self.write();
        }
    }

    fn write(&self) {
        // In this order, so that two threads cannot exchange their lines.
        let mut output = io::stdout().lock();
        let lines = std::mem::take(&mut *self.lock());
        // If standard output is closed, there is nowhere to report it.
        let _ = output.write_all(&lines).and_then(|()| output.flush());
    }

    /// No panic can happen while the lock is held.
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
