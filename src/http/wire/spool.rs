use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much of a sheet is written, and sent, at once, in bytes. mimalloc reuses blocks of this size
/// sooner than larger ones.
const CHUNK: usize = 64 * 1024;

/// The length from which reading a sheet counts as a long read, in bytes.
const LONG: u64 = 256 * 1024;

/// How many chunks of a sheet are kept in memory. A longer sheet goes to a file without a name.
const MAX_IN_MEMORY: usize = 48;

/// How many sheets of more than one chunk are in memory at once, however slow their readers are.
const MAX_LARGE_SHEETS: usize = 4;

/// An upper bound of a row in any form, in bytes: four texts of 100 characters and one of 500, each
/// of which takes at most 4 bytes, and some 500 bytes around them.
const MAX_ROW: usize = 6 * 1024;

/// Where sheets are written. Those of more than one chunk share a bounded amount of memory, and go
/// to temporary files beyond it.
#[derive(Clone)]
pub(crate) struct Spools(Arc<Semaphore>);

/// A sheet, in any form, that is being written.
pub(crate) struct Spool {
    spools: Spools,
    /// The last chunk, not full yet.
    buffer: Vec<u8>,
    flushed: Flushed,
    /// The length of the full chunks, in bytes.
    length: u64,
}

/// The full chunks of a sheet.
enum Flushed {
    InMemory { chunks: Vec<Bytes>, permit: Option<OwnedSemaphorePermit> },
    OnDisk(File),
}

/// A whole sheet, which requests may share. Its length is known before its first byte is sent.
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
    /// Begins a sheet.
    pub(crate) fn begin(&self) -> Spool {
        let flushed = Flushed::InMemory { chunks: Vec::new(), permit: None };
        Spool { spools: self.clone(), buffer: Vec::new(), flushed, length: 0 }
    }
}

impl Spool {
    /// Where the next row is appended.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Called after each row. Returns whether a chunk was full with it and the sheet is a long one.
    pub(crate) fn flush_if_full(&mut self) -> io::Result<bool> {
        let is_full = self.buffer.len() > CHUNK - MAX_ROW;
        if is_full {
            self.flush()?;
        }
        Ok(is_full && self.length >= LONG)
    }

    /// Ends the sheet.
    pub(crate) fn finish(mut self) -> io::Result<SpooledSheet> {
        let last = std::mem::take(&mut self.buffer);
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
                self.length += self.buffer.len() as u64;
                let next = Vec::with_capacity(CHUNK);
                chunks.push(std::mem::replace(&mut self.buffer, next).into());
            }
            Flushed::OnDisk(file) => {
                file.write_all(&self.buffer)?;
                self.length += self.buffer.len() as u64;
                self.buffer.clear();
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
    /// A sheet of so many rows, and its length.
    fn written(spools: &Spools, rows: u32) -> (SpooledSheet, usize) {
        let row = |number: u32| format!("{number:>350}\n");
        let mut spool = spools.begin();
        for number in 0..rows {
            spool.buffer().extend_from_slice(row(number).as_bytes());
            spool.flush_if_full().unwrap();
        }
        let sheet = spool.finish().unwrap();
        let (mut bytes, mut position) = (Vec::new(), 0);
        loop {
            let chunk = sheet.chunk(position).unwrap();
            if chunk.is_empty() {
                break;
            }
            position += chunk.len() as u64;
            bytes.extend_from_slice(&chunk);
        }
        assert_eq!(position, sheet.length());
        assert!(bytes == (0..rows).map(row).collect::<String>().as_bytes());
        (sheet, bytes.len())
    }

    #[test]
    fn sheets_are_whole_in_memory_and_on_disk() {
        let spools = Spools::default();
        for (rows, is_on_disk) in [(0, false), (1, false), (3_000, false), (20_000, true)] {
            let (sheet, _) = written(&spools, rows);
            assert_eq!(sheet.is_on_disk(), is_on_disk, "{rows} rows");
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
