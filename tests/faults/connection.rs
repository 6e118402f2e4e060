use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::support::Answer;

/// Longer than any answer may take: a request without an answer after this time hangs.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A keep-alive connection of HTTP/1.1. It is not a client library's, because these tests have to
/// know whether an answer came in full, in part or not at all. It panics if an answer is not
/// well-formed, or if an error is not a problem as the contract describes it.
pub struct Connection {
    stream: TcpStream,
}

/// A connection that ended before an answer was complete.
#[derive(Debug)]
pub struct Broken {
    /// The part of the answer that was received.
    pub received: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream })
    }

    pub fn get(&mut self, path: &str) -> Result<Answer, Broken> {
        self.exchange(&get_request(path))
    }

    /// Sends a GET request and waits for the first byte of the answer.
    pub fn begin_get(&mut self, path: &str) -> io::Result<()> {
        self.stream.write_all(get_request(path).as_bytes())?;
        self.stream.peek(&mut [0]).map(drop)
    }

    /// The whole answer to [`begin_get`](Self::begin_get).
    pub fn finish_get(&mut self) -> Result<Answer, Broken> {
        self.exchange("")
    }

    /// Posts `body` to `/table/create`.
    pub fn post(&mut self, body: &str) -> Result<Answer, Broken> {
        self.send("POST", "/table/create", "", body)
    }

    /// `headers` are further lines of the request's head, each with its line break.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Answer, Broken> {
        let length = body.len();
        self.exchange(&format!(
            "{method} {path} HTTP/1.1\r\nHost: rollcall\r\n{headers}\
             Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn exchange(&mut self, request: &str) -> Result<Answer, Broken> {
        let mut received = Vec::new();
        let sent = self.stream.write_all(request.as_bytes());
        match sent.and_then(|()| self.receive(&mut received)) {
            Ok(answer) => Ok(answer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("no answer within {TIMEOUT:?} to {request}")
            }
            Err(_) => Err(Broken { received }),
        }
    }

    /// Reads one answer with a `Content-Length` into `received`.
    fn receive(&mut self, received: &mut Vec<u8>) -> io::Result<Answer> {
        let mut chunk = [0; 16 * 1024];
        let mut total = None;
        while total.is_none_or(|total| received.len() < total) {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => received.extend_from_slice(&chunk[..read]),
                // See signal(7): happens to a read with a timeout when this process was stopped.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            total = total.or_else(|| total_length(received));
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

/// The length of the whole answer in bytes, once its head is complete.
fn total_length(received: &[u8]) -> Option<usize> {
    let head = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head_alone = std::str::from_utf8(&received[..head + 4]).expect("a head is ASCII");
    let answer = Answer::from_raw(head_alone);
    let length = answer.header("content-length").unwrap_or_else(|| panic!("no length: {answer:?}"));
    Some(head + 4 + length.parse::<usize>().expect("Content-Length is a number"))
}

/// Sends one GET request over its own connection.
#[track_caller]
pub fn get(address: SocketAddr, path: &str) -> Answer {
    Connection::open(address).unwrap().get(path).unwrap()
}

/// Posts one entry over its own connection.
#[track_caller]
pub fn post(address: SocketAddr, body: &Value) -> Answer {
    Connection::open(address).unwrap().post(&body.to_string()).unwrap()
}

/// The sheet of `day` (or `today`). Asserts that the answer is 200.
#[track_caller]
pub fn sheet(address: SocketAddr, day: &str) -> Vec<Value> {
    let answer = get(address, &format!("/table/view/date:{day}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}
