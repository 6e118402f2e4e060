use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rollcall::domain::{ALL_MOMENTS, Access, Clock, Site, TokenHash};
use rollcall::http::{Listen, Server, Service, Setup};
use rollcall::store::{Store, Writer};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use ureq::http::Request;

use super::{Answer, Fresh, StoreKind};

/// The whole service in this process, on a store and a port of its own.
pub struct TestApp {
    pub store: Arc<Fresh>,
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    agent: ureq::Agent,
    token: Option<String>,
    now: Arc<Mutex<Option<DateTime<Utc>>>>,
    shutdown: Mutex<Option<oneshot::Sender<()>>>,
    writer: Mutex<Option<Writer>>,
}

/// What a test may want to be different.
pub struct Options {
    pub zone: &'static str,
    pub day_start: &'static str,
    pub queue_limit: usize,
    pub pool_size: u32,
    pub timeout: Duration,
    pub replica: Option<Arc<dyn Store>>,
    /// Serve the metrics on a port of their own.
    pub has_metrics_port: bool,
    pub access: Access,
    /// The token of the admin named `env`.
    pub admin_token: Option<&'static str>,
    /// Sent with every request that has no `Authorization` of its own.
    pub token: Option<String>,
}

/// What the tests of a client that has a token run with: an admin, whose every request is sent with
/// the token.
const ADMIN_TOKEN: &str = "the-admin-token-of-all-requests-32";

/// With access open, or in token mode if `ROLLCALL_TEST_ACCESS` is `token`.
impl Default for Options {
    fn default() -> Self {
        let token_mode = std::env::var("ROLLCALL_TEST_ACCESS").is_ok_and(|mode| mode == "token");
        Self {
            zone: "Asia/Manila",
            day_start: "00:00",
            queue_limit: 1_024,
            pool_size: 4,
            timeout: Duration::from_secs(5),
            replica: None,
            has_metrics_port: false,
            access: if token_mode { Access::Token } else { Access::Open },
            admin_token: token_mode.then_some(ADMIN_TOKEN),
            token: token_mode.then(|| ADMIN_TOKEN.to_owned()),
        }
    }
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

impl TestApp {
    pub fn start(kind: StoreKind) -> Self {
        Self::with(Fresh::migrated(kind), Options::default())
    }

    /// On a store of its own, or on one that another service uses too.
    pub fn with(store: impl Into<Arc<Fresh>>, options: Options) -> Self {
        let store = store.into();
        let now = Arc::new(Mutex::new(None));
        let clock = now.clone();
        let (service, writer) = Service::start(Setup {
            store: store.open(options.pool_size, options.timeout),
            replica: options.replica,
            connections: options.pool_size as usize,
            timeout: options.timeout,
            queue_limit: options.queue_limit,
            access: options.access,
            admin_token: options.admin_token.map(|token| TokenHash::of(token.as_bytes())),
            site: Site::new(options.zone.parse().unwrap(), options.day_start).unwrap(),
            forwarding: None,
            clock: Clock::from_fn(move || clock.lock().unwrap().unwrap_or_else(Utc::now)),
        })
        .unwrap();
        let listen = Listen {
            at: ([127, 0, 0, 1], 0).into(),
            metrics_port: options.has_metrics_port.then_some(0),
            grace: Duration::from_secs(1),
        };
        let server = RUNTIME.block_on(Server::bind(listen)).unwrap();
        let (address, metrics_address) = (server.address(), server.metrics_address());
        let (shutdown, stop) = oneshot::channel();
        RUNTIME.spawn(server.serve(service, stop));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        let shutdown = Mutex::new(Some(shutdown));
        let (token, writer) = (options.token, Mutex::new(Some(writer)));
        Self { store, address, metrics_address, agent, token, now, shutdown, writer }
    }

    /// Makes the service believe that it is `moment` until this is called again.
    pub fn set_now(&self, moment: &str) {
        *self.now.lock().unwrap() = Some(moment.parse().unwrap());
    }

    /// Sends `token` with the requests that follow. Returns the one that was sent before.
    pub fn exchange_token(&mut self, token: &str) -> String {
        self.token.replace(token.to_owned()).unwrap_or_default()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The answer of the metrics' own port, to a request without a token.
    #[track_caller]
    pub fn get_at_metrics_port(&self, path: &str) -> Answer {
        let address = self.metrics_address.expect("no port for the metrics");
        answer(self.agent.get(format!("http://{address}{path}")).call().unwrap())
    }

    /// The name that requests without an `Authorization` of their own are known by.
    pub fn sender(&self) -> Option<&'static str> {
        self.token.as_deref().map(|token| {
            assert_eq!(token, ADMIN_TOKEN, "only the default token's name is known here");
            "env"
        })
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], "")
    }

    /// Posts `body` to `/table/create`, without any `Content-Type`.
    #[track_caller]
    pub fn post(&self, body: impl ToString) -> Answer {
        self.request("POST", "/table/create", &[], &body.to_string())
    }

    /// Posts `body`, which need not be text.
    #[track_caller]
    pub fn post_bytes(&self, body: &[u8]) -> Answer {
        let mut request = self.agent.post(format!("http://{}/table/create", self.address));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        answer(request.send(body).unwrap())
    }

    /// How many entries the store holds, of all days.
    pub fn count_rows(&self) -> i64 {
        let store = self.store.open(1, Duration::from_secs(5));
        store.count(ALL_MOMENTS).unwrap().try_into().unwrap()
    }

    #[track_caller]
    pub fn post_with(&self, headers: &[(&str, &str)], body: impl ToString) -> Answer {
        self.request("POST", "/table/create", headers, &body.to_string())
    }

    /// The sheet of `day` (or `today`), which must be there.
    #[track_caller]
    pub fn sheet(&self, day: &str) -> Vec<Value> {
        let answer = self.get(&format!("/table/view/date:{day}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    #[track_caller]
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token
            && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        answer(
            match body {
                "" if method != "POST" => self.agent.run(request.body(()).unwrap()),
                body => self.agent.run(request.body(body.to_owned()).unwrap()),
            }
            .unwrap(),
        )
    }

    /// Sends `bytes` as they are, with the token in a header of its own if there is one, and reads
    /// until the service closes the connection.
    #[track_caller]
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut connection = TcpStream::connect(self.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let end_of_line = bytes.windows(2).position(|pair| pair == b"\r\n");
        let (line, rest) = bytes.split_at(end_of_line.map_or(bytes.len(), |at| at + 2));
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n"));
        let bytes = [line, token.unwrap_or_default().as_bytes(), rest].concat();
        connection.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Sends a request for `path`, with the token if there is one, and returns the connection, from
    /// which nothing of the answer has been read.
    #[track_caller]
    pub fn begin(&self, path: &str) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n"));
        let token = token.unwrap_or_default();
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        connection
    }

    /// Asks the service to stop, as SIGTERM does.
    pub fn stop(&self) {
        // Dropping the sender resolves what the server waits for.
        self.shutdown.lock().unwrap().take();
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
        if let Some(writer) = self.writer.get_mut().unwrap().take() {
            writer.finish(Duration::from_secs(5));
        }
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let headers = response.headers().iter();
    Answer {
        status: response.status().as_u16(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap(),
    }
}
