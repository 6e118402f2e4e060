use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::connection::Connection;
use crate::request_log::{Outcome, RequestLog, SentRequest};

/// Far longer than it takes until some request is acknowledged or refused.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Clients that post entries one after the other until [`stop`](Self::stop). Each has its own
/// connection, and opens another when that one ends.
pub struct LoadGenerator {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<SentRequest>>>,
    started: DateTime<Utc>,
}

/// State that the clients and the test share.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    address: SocketAddr,
    /// How often the address was set. The new address may be equal to an old one.
    generation: usize,
    acknowledged: usize,
    refused: usize,
    stopping: bool,
}

impl LoadGenerator {
    pub fn start(clients: usize, address: SocketAddr) -> Self {
        Self::start_with(clients, address, true)
    }

    /// The same with a new connection for each entry, as shell scripts do it.
    pub fn start_without_keep_alive(clients: usize, address: SocketAddr) -> Self {
        Self::start_with(clients, address, false)
    }

    fn start_with(clients: usize, address: SocketAddr, keep_alive: bool) -> Self {
        let state = State { address, generation: 0, acknowledged: 0, refused: 0, stopping: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let started = Utc::now();
        let run = |number| {
            let shared = shared.clone();
            let client = Client { number, keep_alive, shared, sent: Vec::new() };
            std::thread::spawn(move || client.run())
        };
        let clients = (0..clients).map(run).collect();
        Self { shared, clients, started }
    }

    /// Sets the service's new address. A client that cannot connect waits for it.
    pub fn set_address(&self, address: SocketAddr) {
        self.shared.update(|state| {
            state.address = address;
            state.generation += 1;
        });
    }

    /// Waits until `further` more entries have been acknowledged.
    #[track_caller]
    pub fn wait_until_acknowledged(&self, further: usize) {
        self.wait(further, |state| state.acknowledged);
    }

    /// Waits until `further` more entries have been refused.
    #[track_caller]
    pub fn wait_until_refused(&self, further: usize) {
        self.wait(further, |state| state.refused);
    }

    #[track_caller]
    fn wait(&self, further: usize, count: impl Fn(&State) -> usize) {
        let state = self.shared.state.lock().unwrap();
        let wanted = count(&state) + further;
        let state = self
            .shared
            .changed
            .wait_timeout_while(state, TIMEOUT, |state| count(state) < wanted)
            .unwrap()
            .0;
        let counted = count(&state);
        // The clients need the lock, also when the assertion fails.
        drop(state);
        assert!(counted >= wanted, "{counted} of {wanted} within {TIMEOUT:?}");
    }

    /// Lets every client finish its request in flight, and returns everything that was sent.
    pub fn stop(mut self) -> RequestLog {
        self.shared.update(|state| state.stopping = true);
        let clients = self.clients.drain(..).map(|client| client.join().unwrap()).collect();
        RequestLog { since: self.started, clients }
    }
}

impl Drop for LoadGenerator {
    fn drop(&mut self) {
        // Only a test that failed has not called `stop`. The clients then end by themselves.
        self.shared.update(|state| state.stopping = true);
    }
}

impl Shared {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn is_stopping(&self) -> bool {
        self.state.lock().unwrap().stopping
    }

    /// Waits for an address of this generation or a later one, and returns both. `None` when the
    /// load generator stops.
    fn address(&self, generation: usize) -> Option<(SocketAddr, usize)> {
        let state = self.state.lock().unwrap();
        let wait = |state: &mut State| state.generation < generation && !state.stopping;
        let state = self.changed.wait_while(state, wait).unwrap();
        (!state.stopping).then_some((state.address, state.generation))
    }
}

impl State {
    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Acknowledged(_) => self.acknowledged += 1,
            Outcome::Refused(_) => self.refused += 1,
            Outcome::Unanswered(_) => {}
        }
    }
}

struct Client {
    number: usize,
    keep_alive: bool,
    shared: Arc<Shared>,
    sent: Vec<SentRequest>,
}

impl Client {
    fn run(mut self) -> Vec<SentRequest> {
        let mut wanted = 0;
        while let Some((address, generation)) = self.shared.address(wanted) {
            match Connection::open(address) {
                Ok(connection) => self.post_until_stopped(connection),
                // No process listens at this address any more.
                Err(_) => wanted = generation + 1,
            }
        }
        self.sent
    }

    /// Posts until the connection ends or the load generator stops; once without keep-alive.
    fn post_until_stopped(&mut self, mut connection: Connection) {
        while !self.shared.is_stopping() {
            let entry_id = Uuid::now_v7();
            let body = self.body(entry_id);
            let begin = Instant::now();
            let outcome = Outcome::of(connection.post(&body));
            let took = begin.elapsed();
            let ends = outcome.ends_connection();
            self.shared.update(|state| state.count(&outcome));
            self.sent.push(SentRequest { entry_id, body, took, outcome });
            if ends || !self.keep_alive {
                return;
            }
        }
    }

    /// Every other client sends `occurred_at`, as a gate does that was offline.
    fn body(&self, entry_id: Uuid) -> String {
        let occurred_at = self.number.is_multiple_of(2).then_some(RequestLog::OCCURRED_AT);
        json!({
            "entry_id": entry_id,
            "firstname": format!("Number {}", self.sent.len()),
            "lastname": "Visitor",
            "gate": format!("Gate {}", self.number),
            "occurred_at": occurred_at,
        })
        .to_string()
    }
}
