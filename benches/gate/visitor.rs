use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Result;
use crate::answer::Answer;
use crate::roster::Sheet;

/// How long the service may be silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes read at once.
const ROOM: usize = 128 * 1024;

/// A reader on one keep-alive connection.
pub struct Visitor {
    stream: TcpStream,
    authority: String,
    room: Vec<u8>,
}

impl Visitor {
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, authority: address.to_string(), room: vec![0; ROOM] })
    }

    /// The status of what is at `path`.
    pub fn status(&mut self, path: &str) -> Result<u16> {
        Ok(self.get(path, |_| ())?.status)
    }

    /// Reads a sheet to its end and forgets it; returns how long that took.
    pub fn time_sheet(&mut self, sheet: Sheet) -> Result<Duration> {
        let begin = Instant::now();
        match self.get(&sheet.path(), |_| ())? {
            Answer { status: 200, .. } => Ok(begin.elapsed()),
            answer => {
                Err(format!("the sheet of {} was answered {}", sheet.day, answer.status).into())
            }
        }
    }

    /// Makes sure that a sheet is a JSON array of as many entries as were made.
    pub fn check_sheet(&mut self, sheet: Sheet) -> Result<()> {
        let mut body = Vec::new();
        self.get(&sheet.path(), |bytes| body.extend_from_slice(bytes))?;
        let entries: Vec<serde_json::Value> = serde_json::from_slice(&body)?;
        match entries.len() {
            rows if rows == sheet.rows as usize => Ok(()),
            rows => Err(format!("the sheet of {} has {rows} entries", sheet.day).into()),
        }
    }

    /// Reads what is at `path` to its end, handing the body's bytes on as they come.
    fn get(&mut self, path: &str, mut take: impl FnMut(&[u8])) -> Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.authority);
        self.stream.write_all(request.as_bytes())?;
        let mut filled = 0;
        let answer = loop {
            filled += self.read(filled)?;
            if let Some(answer) = Answer::parse(&self.room[..filled])? {
                break answer;
            }
        };
        take(&self.room[answer.head_length..filled]);
        let mut received = filled;
        while received < answer.length() {
            let read = self.read(0)?;
            take(&self.room[..read]);
            received += read;
        }
        Ok(answer)
    }

    fn read(&mut self, at: usize) -> Result<usize> {
        match self.stream.read(&mut self.room[at..])? {
            0 => Err("the service broke off in an answer".into()),
            read => Ok(read),
        }
    }
}
