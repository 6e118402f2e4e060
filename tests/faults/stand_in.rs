use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use native_tls::{Identity, TlsAcceptor};
use serde_json::{Value, json};

use crate::support::wait_until;

/// Stands in for an upstream, to answer what a real one answers only when something is broken.
pub struct StandIn {
    address: SocketAddr,
    is_https: bool,
    shared: Arc<Shared>,
}

/// How each batch is answered.
type Answering = Box<dyn FnMut(&Batch) -> Reply + Send>;

struct Shared {
    answer: Mutex<Answering>,
    received: Mutex<Vec<Batch>>,
}

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Batch {
    pub at: Instant,
    pub request_line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

pub enum Reply {
    /// 200, and 201 for each entry.
    Stored,
    /// A status, with lines for the head and a body.
    Status(u16, &'static str, String),
    /// The connection is held open without an answer until the client ends it.
    Silence,
    /// These bytes, and then the end of the connection.
    Raw(Vec<u8>),
}

impl Batch {
    pub fn entries(&self) -> &[Value] {
        self.body["entries"].as_array().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    /// The answer of an upstream that has `status` for each entry.
    pub fn results(&self, status: impl Fn(&Value) -> u16) -> Reply {
        let result = |entry: &Value| match status(entry) {
            status @ (200 | 201) => {
                json!({"status": status, "entry": {"entry_id": entry["entry_id"]}})
            }
            status => json!({"status": status, "problem": {
                "code": "some_code", "detail": "Some detail.",
            }}),
        };
        let results: Vec<_> = self.entries().iter().map(result).collect();
        Reply::Status(200, "", json!({"results": results}).to_string())
    }
}

impl StandIn {
    /// Answers each batch as `answer` says.
    pub fn start(answer: impl FnMut(&Batch) -> Reply + Send + 'static) -> Self {
        Self::start_with(None, answer)
    }

    /// The same with TLS.
    pub fn start_with_tls(
        identity: Identity,
        answer: impl FnMut(&Batch) -> Reply + Send + 'static,
    ) -> Self {
        Self::start_with(Some(TlsAcceptor::new(identity).unwrap()), answer)
    }

    fn start_with(
        tls: Option<TlsAcceptor>,
        answer: impl FnMut(&Batch) -> Reply + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, is_https) = (listener.local_addr().unwrap(), tls.is_some());
        let answer = Mutex::new(Box::new(answer) as Answering);
        let shared = Arc::new(Shared { answer, received: Mutex::default() });
        let serving = shared.clone();
        // Ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (serving, tls) = (serving.clone(), tls.clone());
                thread::spawn(move || match tls {
                    None => serving.serve(stream),
                    // A client that does not trust the certificate ends the connection.
                    Some(tls) => drop(tls.accept(stream).map(|stream| serving.serve(stream))),
                });
            }
        });
        Self { address, is_https, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        match self.is_https {
            true => format!("https://localhost:{}", self.address.port()),
            false => format!("http://{}", self.address),
        }
    }

    /// Answers otherwise from now on.
    pub fn answer_by(&self, answer: impl FnMut(&Batch) -> Reply + Send + 'static) {
        *self.shared.answer.lock().unwrap() = Box::new(answer);
    }

    pub fn received(&self) -> Vec<Batch> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The first batch that `is_wanted`, once there is one.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_wanted: impl Fn(&Batch) -> bool) -> Batch {
        let find = || self.received().into_iter().find(|batch| is_wanted(batch));
        wait_until(what, || find().is_some());
        find().unwrap()
    }
}

impl Shared {
    /// Serves one connection until it ends.
    fn serve(&self, stream: impl Read + Write) {
        let mut stream = BufReader::new(stream);
        while let Some(batch) = read_batch(&mut stream) {
            self.received.lock().unwrap().push(batch.clone());
            let reply = (self.answer.lock().unwrap())(&batch);
            let reply = match reply {
                Reply::Stored => batch.results(|_| 201),
                reply => reply,
            };
            let output = stream.get_mut();
            let sent = match reply {
                Reply::Status(status, head, body) => {
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n{head}\r\n{body}"
                    );
                    output.write_all(answer.as_bytes())
                }
                Reply::Raw(bytes) => {
                    let _ = output.write_all(&bytes);
                    return;
                }
                Reply::Silence => {
                    let _ = output.read(&mut [0]);
                    return;
                }
                Reply::Stored => unreachable!("it was replaced"),
            };
            if sent.is_err() {
                return;
            }
        }
    }
}

fn read_batch(input: &mut impl BufRead) -> Option<Batch> {
    let mut line = || {
        let mut line = String::new();
        let length = input.read_line(&mut line).ok()?;
        (length > 0).then(|| line.trim_end().to_owned())
    };
    let request_line = line()?;
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    input.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Batch { at: Instant::now(), request_line, headers, body })
}

/// Longer than the agent waits between two batches that nothing asks for.
pub const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
