use std::fs::File;
use std::io::{self, Cursor, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tempfile::{SpooledData, SpooledTempFile, spooled_tempfile};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tokio::task::{JoinHandle, spawn_blocking};

use super::entry_json::push_entry;
use crate::domain::{Entry, Site};

/// How much of a sheet is kept in memory, in bytes. More goes to a file without a name.
const MAX_IN_MEMORY: usize = 1024 * 1024;

/// How much of a sheet is written, and sent, at once, in bytes.
pub const CHUNK: usize = 256 * 1024;

/// Three texts of 100 characters, each up to 12 bytes as JSON, and some 200 bytes around them.
const MAX_ENTRY: usize = 4 * 1024;

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

    /// Reads the sheet from its beginning.
    pub fn reader(self) -> SheetReader {
        match self {
            Self::InMemory(bytes) => SheetReader::InMemory(Cursor::new(bytes)),
            Self::OnDisk { file, length } => {
                SheetReader::OnDisk(DiskReader { file, length, next: 0, chunk: Chunk::default() })
            }
        }
    }
}

/// One reader's position in a shared sheet.
pub enum SheetReader {
    InMemory(Cursor<Bytes>),
    OnDisk(DiskReader),
}

/// Reads a file at a position of its own, in blocking threads.
pub struct DiskReader {
    file: Arc<File>,
    length: u64,
    /// Where the next chunk begins.
    next: u64,
    chunk: Chunk,
}

enum Chunk {
    Ready(Bytes),
    Coming(JoinHandle<io::Result<Bytes>>),
}

impl Default for Chunk {
    fn default() -> Self {
        Self::Ready(Bytes::new())
    }
}

impl DiskReader {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut Bytes>> {
        loop {
            match &mut self.chunk {
                Chunk::Ready(bytes) if bytes.is_empty() && self.next < self.length => {
                    let (file, at) = (self.file.clone(), self.next);
                    let size = (self.length - at).min(CHUNK as u64);
                    self.next += size;
                    self.chunk = Chunk::Coming(spawn_blocking(move || {
                        let mut bytes = vec![0; size as usize];
                        file.read_exact_at(&mut bytes, at)?;
                        Ok(bytes.into())
                    }));
                }
                Chunk::Coming(coming) => {
                    let read = ready!(Pin::new(coming).poll(cx)).map_err(io::Error::other)?;
                    self.chunk = Chunk::Ready(read?);
                }
                Chunk::Ready(_) => break,
            }
        }
        match &mut self.chunk {
            Chunk::Ready(bytes) => Poll::Ready(Ok(bytes)),
            Chunk::Coming(_) => Poll::Pending,
        }
    }
}

impl AsyncRead for SheetReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::InMemory(bytes) => Pin::new(bytes).poll_read(cx, buffer),
            Self::OnDisk(reader) => {
                let bytes = ready!(reader.poll_chunk(cx))?;
                let size = bytes.len().min(buffer.remaining());
                buffer.put_slice(&bytes[..size]);
                bytes.advance(size);
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// Rocket's sized bodies ask for it, but do not use it where the size is given.
impl AsyncSeek for SheetReader {
    fn start_seek(self: Pin<&mut Self>, _: SeekFrom) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn readers_of_a_file_have_positions_of_their_own() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..3 * CHUNK + 7).map(|n| (n % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let sheet = SpooledSheet::OnDisk { file: Arc::new(file), length: bytes.len() as u64 };
        assert_eq!(sheet.length(), bytes.len() as u64);
        let (mut one, mut other) = (sheet.clone().reader(), sheet.reader());
        let mut begin = [0; 100];
        one.read_exact(&mut begin).await.unwrap();
        let (mut rest, mut all) = (Vec::new(), Vec::new());
        other.read_to_end(&mut all).await.unwrap();
        one.read_to_end(&mut rest).await.unwrap();
        assert!(all == bytes && [&begin[..], &rest].concat() == bytes);
    }
}
