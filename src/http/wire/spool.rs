use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use tempfile::{SpooledData, SpooledTempFile, spooled_tempfile};

use super::entry_json::push_entry;
use crate::domain::{Entry, Site};

/// How much of a sheet is kept in memory, in bytes. More goes to a file without a name.
const MAX_IN_MEMORY: usize = 1024 * 1024;

/// How much of a sheet is written, and sent, at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// Four texts of 100 characters, each up to 12 bytes as JSON, and some 250 bytes around them.
const MAX_ENTRY: usize = 6 * 1024;

/// A sheet as JSON that is being written, in bounded memory.
pub struct Spool {
    site: Site,
    json: Vec<u8>,
    /// Absent for a sheet of one chunk.
    flushed: Option<SpooledTempFile>,
    length: u64,
}

/// A whole sheet as JSON, which requests share. Its length is known before its first byte is sent.
#[derive(Clone)]
pub enum SpooledSheet {
    InMemory(Bytes),
    OnDisk { file: Arc<File>, length: u64 },
}

impl Spool {
    /// A sheet at `site`.
    pub fn new(site: Site) -> Self {
        Self { site, json: Vec::new(), flushed: None, length: 0 }
    }

    /// Writes the next entry. Returns whether a chunk is full with it.
    pub fn push(&mut self, entry: &Entry) -> io::Result<bool> {
        let is_first = self.json.is_empty() && self.flushed.is_none();
        self.json.push(if is_first { b'[' } else { b',' });
        push_entry(&mut self.json, entry, &self.site);
        let is_full = self.json.len() > CHUNK - MAX_ENTRY;
        if is_full {
            self.flush()?;
        }
        Ok(is_full)
    }

    /// Ends the sheet.
    pub fn finish(mut self) -> io::Result<SpooledSheet> {
        let is_empty = self.json.is_empty() && self.flushed.is_none();
        self.json.extend_from_slice(if is_empty { b"[]" } else { b"]" });
        if self.flushed.is_some() {
            self.flush()?;
        }
        let length = self.length;
        Ok(match self.flushed.map(SpooledTempFile::into_inner) {
            None => SpooledSheet::InMemory(self.json.into()),
            Some(SpooledData::InMemory(json)) => SpooledSheet::InMemory(json.into_inner().into()),
            Some(SpooledData::OnDisk(file)) => {
                SpooledSheet::OnDisk { file: Arc::new(file), length }
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        let spool = self.flushed.get_or_insert_with(|| spooled_tempfile(MAX_IN_MEMORY));
        spool.write_all(&self.json)?;
        self.length += self.json.len() as u64;
        self.json.clear();
        Ok(())
    }
}

impl SpooledSheet {
    /// In bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::InMemory(bytes) => bytes.len() as u64,
            Self::OnDisk { length, .. } => *length,
        }
    }

    /// The bytes from `position` on, as many as are sent at once; none at the end. Blocks on the
    /// disk, unless the sheet is in memory.
    pub fn chunk(&self, position: u64) -> io::Result<Bytes> {
        match self {
            Self::InMemory(bytes) => {
                let position = usize::try_from(position).unwrap_or(usize::MAX);
                Ok(bytes.slice(position.min(bytes.len())..))
            }
            Self::OnDisk { file, length } => {
                let size = length.saturating_sub(position).min(CHUNK as u64);
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

    #[test]
    fn chunks_of_a_file_are_read_at_any_position() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..3 * CHUNK + 7).map(|n| (n % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let sheet = SpooledSheet::OnDisk { file: Arc::new(file), length: bytes.len() as u64 };
        let (mut all, mut position) = (Vec::new(), 0);
        loop {
            let chunk = sheet.chunk(position).unwrap();
            if chunk.is_empty() {
                break;
            }
            position += chunk.len() as u64;
            all.extend_from_slice(&chunk);
        }
        assert!(all == bytes && position == sheet.length());
        assert_eq!(sheet.chunk(CHUNK as u64 - 1).unwrap()[..2], bytes[CHUNK - 1..CHUNK + 1]);
    }
}
