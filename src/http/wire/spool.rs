use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::entry_json::push_entry;
use crate::domain::{Entry, Site};

/// How much of a sheet is written, and sent, at once, in bytes. mimalloc reuses blocks of this size
/// sooner than larger ones.
const CHUNK: usize = 64 * 1024;

/// The length from which reading a sheet counts as a long read, in bytes.
const LONG: u64 = 256 * 1024;

/// How many chunks of a sheet are kept in memory. A longer sheet goes to a file without a name.
const MAX_IN_MEMORY: usize = 48;

/// How many sheets of more than one chunk are in memory at once, however slow their readers are.
const MAX_LARGE_SHEETS: usize = 4;

/// An upper bound of an entry as JSON, in bytes: four texts of 100 characters, each of which takes
/// at most 6 bytes, and some 300 bytes around them.
const MAX_ENTRY: usize = 4 * 1024;

/// Where sheets are written. Those of more than one chunk share a bounded amount of memory, and go
/// to temporary files beyond it.
#[derive(Clone)]
pub(crate) struct Spools(Arc<Semaphore>);

/// A sheet as JSON that is being written.
pub(crate) struct Spool {
    site: Site,
    spools: Spools,
    /// The last chunk, not full yet.
    json: Vec<u8>,
    flushed: Flushed,
    /// The length of the full chunks, in bytes.
    length: u64,
}

/// The full chunks of a sheet.
enum Flushed {
    InMemory { chunks: Vec<Bytes>, permit: Option<OwnedSemaphorePermit> },
    OnDisk(File),
}

/// A whole sheet as JSON, which requests share. Its length is known before its first byte is sent.
#[derive(Clone)]
pub(crate) struct SpooledSheet {
    length: u64,
    place: Place,
}

#[derive(Clone)]
enum Place {
    InMemory { chunks: Arc<[Bytes]>, _permit: Option<Arc<OwnedSemaphorePermit>> },
    OnDisk(Arc<File>),
}

impl Default for Spools {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_LARGE_SHEETS)))
    }
}

impl Spools {
    /// Begins a sheet at `site`.
    pub(crate) fn begin(&self, site: Site) -> Spool {
        let flushed = Flushed::InMemory { chunks: Vec::new(), permit: None };
        Spool { site, spools: self.clone(), json: Vec::new(), flushed, length: 0 }
    }
}

impl Spool {
    /// Writes the next entry. Returns whether a chunk is full with it and the sheet is a long one.
    pub(crate) fn push(&mut self, entry: &Entry) -> io::Result<bool> {
        self.json.push(if self.is_empty() { b'[' } else { b',' });
        push_entry(&mut self.json, entry, &self.site);
        let is_full = self.json.len() > CHUNK - MAX_ENTRY;
        if is_full {
            self.flush()?;
        }
        Ok(is_full && self.length >= LONG)
    }

    /// Ends the sheet.
    pub(crate) fn finish(mut self) -> io::Result<SpooledSheet> {
        self.json.extend_from_slice(if self.is_empty() { b"[]" } else { b"]" });
        let last = std::mem::take(&mut self.json);
        let length = self.length + last.len() as u64;
        let place = match self.flushed {
            Flushed::InMemory { mut chunks, permit } => {
                chunks.push(last.into());
                Place::InMemory { chunks: chunks.into(), _permit: permit.map(Arc::new) }
            }
            Flushed::OnDisk(mut file) => {
                file.write_all(&last)?;
                Place::OnDisk(Arc::new(file))
            }
        };
        Ok(SpooledSheet { length, place })
    }

    fn is_empty(&self) -> bool {
        self.length == 0 && self.json.is_empty()
    }

    /// Moves the chunk to the full ones.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.flushed {
            Flushed::InMemory { chunks, permit } => {
                if permit.is_none() {
                    *permit = self.spools.0.clone().try_acquire_owned().ok();
                }
                if permit.is_none() || chunks.len() == MAX_IN_MEMORY {
                    let mut file = tempfile::tempfile()?;
                    chunks.iter().try_for_each(|chunk| file.write_all(chunk))?;
                    self.flushed = Flushed::OnDisk(file);
                    return self.flush();
                }
                self.length += self.json.len() as u64;
                let next = Vec::with_capacity(CHUNK);
                chunks.push(std::mem::replace(&mut self.json, next).into());
            }
            Flushed::OnDisk(file) => {
                file.write_all(&self.json)?;
                self.length += self.json.len() as u64;
                self.json.clear();
            }
        }
        Ok(())
    }
}

impl SpooledSheet {
    /// In bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether reading a chunk blocks on the disk.
    pub(crate) fn is_on_disk(&self) -> bool {
        matches!(self.place, Place::OnDisk(_))
    }

    /// The bytes from `position` on, as many as are sent at once; none at the end.
    pub(crate) fn chunk(&self, position: u64) -> io::Result<Bytes> {
        match &self.place {
            Place::InMemory { chunks, .. } => {
                let mut begin = 0;
                for chunk in chunks.iter() {
                    let end = begin + chunk.len() as u64;
                    if (begin..end).contains(&position) {
                        return Ok(chunk.slice((position - begin) as usize..));
                    }
                    begin = end;
                }
                Ok(Bytes::new())
            }
            Place::OnDisk(file) => {
                let size = self.length.saturating_sub(position).min(CHUNK as u64);
                let mut bytes = vec![0; size as usize];
                file.read_exact_at(&mut bytes, position)?;
                Ok(bytes.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Direction, Passage, Text};

    fn entry(id: i64) -> Entry {
        let moment = "2019-06-24T01:12:21.123456Z".parse().unwrap();
        let text = |text: &str| Text::parse(text).unwrap();
        let passage = Passage {
            entry_id: uuid::Uuid::nil(),
            login: moment,
            received_at: moment,
            firstname: text(&"x".repeat(100)),
            lastname: text("y"),
            gate: None,
            direction: Direction::In,
            person_ref: None,
        };
        Entry { id, passage }
    }

    /// A sheet of so many entries, its length, and whether it is on disk.
    fn written(spools: &Spools, entries: i64) -> (SpooledSheet, usize) {
        let mut spool = spools.begin(Site::in_zone(chrono_tz::UTC));
        for id in 0..entries {
            spool.push(&entry(id)).unwrap();
        }
        let sheet = spool.finish().unwrap();
        let (mut json, mut position) = (Vec::new(), 0);
        loop {
            let chunk = sheet.chunk(position).unwrap();
            if chunk.is_empty() {
                break;
            }
            position += chunk.len() as u64;
            json.extend_from_slice(&chunk);
        }
        assert_eq!(position, sheet.length());
        let read: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
        assert!((0..entries).eq(read.iter().map(|entry| entry["id"].as_i64().unwrap())));
        (sheet, json.len())
    }

    #[test]
    fn sheets_are_whole_in_memory_and_on_disk() {
        let spools = Spools::default();
        for (entries, is_on_disk) in [(0, false), (1, false), (3_000, false), (20_000, true)] {
            let (sheet, _) = written(&spools, entries);
            assert_eq!(sheet.is_on_disk(), is_on_disk, "{entries} entries");
        }
    }

    #[test]
    fn large_sheets_that_are_still_being_read_bound_the_memory() {
        let spools = Spools::default();
        let held: Vec<_> = (0..MAX_LARGE_SHEETS).map(|_| written(&spools, 3_000)).collect();
        assert!(held.iter().all(|(sheet, _)| !sheet.is_on_disk()));
        assert!(written(&spools, 3_000).0.is_on_disk());
        assert!(!written(&spools, 10).0.is_on_disk(), "small sheets need no permit");
        drop(held);
        assert!(!written(&spools, 3_000).0.is_on_disk());
    }
}
