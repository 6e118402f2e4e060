use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::support::Answer;

/// Longer than any answer may take; who waits longer has found a request that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A keep-alive connection of HTTP/1.1, written by hand: a test that breaks things has to know
/// whether a request was answered in part, in full or not at all. Whatever else is wrong, each
/// answer is well-formed, and a problem where it is an error: otherwise this panics.
pub struct Connection {
    stream: TcpStream,
}

/// A connection that ended before an answer was complete.
#[derive(Debug)]
pub struct Broken {
    /// What there was of the answer.
    pub received: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream })
    }

    pub fn get(&mut self, path: &str) -> Result<Answer, Broken> {
        self.exchange(&get_request(path))
    }

    /// Asks for what is at `path` and waits until the answer begins to arrive.
    pub fn begin_get(&mut self, path: &str) -> io::Result<()> {
        self.stream.write_all(get_request(path).as_bytes())?;
        self.stream.peek(&mut [0]).map(drop)
    }

    /// The whole answer to what [`begin_get`](Self::begin_get) has asked for.
    pub fn finish_get(&mut self) -> Result<Answer, Broken> {
        self.exchange("")
    }

    /// Posts `body` to `/table/create`.
    pub fn post(&mut self, body: &str) -> Result<Answer, Broken> {
        let length = body.len();
        self.exchange(&format!(
            "POST /table/create HTTP/1.1\r\nHost: rollcall\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn exchange(&mut self, request: &str) -> Result<Answer, Broken> {
        let mut received = Vec::new();
        let sent = self.stream.write_all(request.as_bytes());
        match sent.and_then(|()| self.receive(&mut received)) {
            Ok(answer) => Ok(answer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("no answer within {PATIENCE:?} to {request}")
            }
            Err(_) => Err(Broken { received }),
        }
    }

    /// Reads one answer of a known length into `received`.
    fn receive(&mut self, received: &mut Vec<u8>) -> io::Result<Answer> {
        let mut chunk = [0; 16 * 1024];
        let mut total = None;
        while total.is_none_or(|total| received.len() < total) {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => received.extend_from_slice(&chunk[..read]),
                // See signal(7): a read with a time-out, when all processes here were frozen.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            total = total.or_else(|| whole_length(received));
        }
        assert_eq!(Some(received.len()), total, "more than one answer");
        let answer = Answer::from_raw(std::str::from_utf8(received).expect("answers are UTF-8"));
        if answer.status >= 400 {
            let code = answer.json()["code"].as_str().map(str::to_owned);
            answer.problem(answer.status, &code.expect("a problem has a code"));
        }
        Ok(answer)
    }
}

fn get_request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: rollcall\r\n\r\n")
}

/// How many bytes an answer has in all, once its head is there.
fn whole_length(received: &[u8]) -> Option<usize> {
    let head = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head_alone = std::str::from_utf8(&received[..head + 4]).expect("a head is ASCII");
    let answer = Answer::from_raw(head_alone);
    let length = answer.header("content-length").unwrap_or_else(|| panic!("no length: {answer:?}"));
    Some(head + 4 + length.parse::<usize>().expect("Content-Length is a number"))
}

/// Asks once, over a connection of its own, for what is at `path`.
#[track_caller]
pub fn get(address: SocketAddr, path: &str) -> Answer {
    Connection::open(address).unwrap().get(path).unwrap()
}

/// Posts once, over a connection of its own.
#[track_caller]
pub fn post(address: SocketAddr, body: &Value) -> Answer {
    Connection::open(address).unwrap().post(&body.to_string()).unwrap()
}

/// The sheet of `day` (or `today`), which must be there.
#[track_caller]
pub fn sheet(address: SocketAddr, day: &str) -> Vec<Value> {
    let answer = get(address, &format!("/table/view/date:{day}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}
