use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Result;
use crate::answer::Answer;
use crate::creates::Creates;
use crate::run::Seen;

/// How long an answer may be awaited before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that the answer to a create fits in, head and body.
const ANSWER_ROOM: usize = 4096;

/// Gate clients on one keep-alive connection each, which send the next create as soon as the last
/// one is answered.
///
/// One thread and an event queue, one write and one read for each create: the generator shares the
/// machine with what it measures.
pub struct Load {
    poll: Poll,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    sent_at: Instant,
    answer: [u8; ANSWER_ROOM],
    received: usize,
}

impl Load {
    /// Opens the connections.
    pub fn connect(address: SocketAddr, connections: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let connections = (0..connections)
            .map(|index| {
                let stream = std::net::TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                let mut stream = TcpStream::from_std(stream);
                poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
                Ok(Connection {
                    stream,
                    sent_at: Instant::now(),
                    answer: [0; ANSWER_ROOM],
                    received: 0,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { poll, connections })
    }

    /// Sends creates for `time` and waits for the answers to all of them. Those that come too late
    /// do not count for the rate, but every single one must be a 201.
    pub fn run(&mut self, time: Duration, creates: &mut Creates) -> Result<Seen> {
        let made_before = creates.made();
        let mut latencies = Vec::new();
        let mut in_flight = self.connections.len();
        let mut events = Events::with_capacity(in_flight);
        let end = Instant::now() + time;
        for connection in &mut self.connections {
            connection.send(creates.next(), Instant::now())?;
        }
        while in_flight > 0 {
            match self.poll.poll(&mut events, Some(PATIENCE)) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            if events.is_empty() {
                return Err(format!("{in_flight} creates got no answer in {PATIENCE:?}").into());
            }
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                if !connection.receive()? {
                    continue;
                }
                let now = Instant::now();
                if now < end {
                    latencies.push(now - connection.sent_at);
                    connection.send(creates.next(), now)?;
                } else {
                    in_flight -= 1;
                }
            }
        }
        latencies.sort_unstable();
        Ok(Seen {
            creates: creates.made() - made_before,
            rate: latencies.len() as f64 / time.as_secs_f64(),
            latencies,
        })
    }
}

impl Connection {
    fn send(&mut self, request: &[u8], now: Instant) -> Result<()> {
        self.sent_at = now;
        self.received = 0;
        // Nothing else is on its way, so a few hundred bytes always fit the socket's buffer.
        match self.stream.write(request)? {
            sent if sent == request.len() => Ok(()),
            sent => Err(format!("only {sent} bytes of a create could be sent").into()),
        }
    }

    /// Reads what has come; `true` once the answer is complete.
    ///
    /// One read is enough although the queue tells of each arrival only once: the room is larger
    /// than any answer, so a read leaves nothing behind.
    fn receive(&mut self) -> Result<bool> {
        match self.stream.read(&mut self.answer[self.received..]) {
            Ok(0) => return Err("the service closed a connection, or an answer is too long".into()),
            Ok(read) => self.received += read,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(e) => return Err(e.into()),
        }
        let bytes = &self.answer[..self.received];
        match Answer::parse(bytes)? {
            Some(answer) if answer.length() > bytes.len() => Ok(false),
            Some(Answer { status: 201, .. }) => Ok(true),
            Some(_) => {
                Err(format!("a create was not answered 201: {}", bytes.escape_ascii()).into())
            }
            None => Ok(false),
        }
    }
}
