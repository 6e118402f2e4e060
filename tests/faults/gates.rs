use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::connection::Connection;
use crate::ledger::{Ledger, Outcome, Sent};

/// Far longer than it can take until something is acknowledged or refused.
const PATIENCE: Duration = Duration::from_secs(30);

/// Gates that post entries one after the other, each over a keep-alive connection of its own,
/// until they are closed. A gate that loses its connection opens another.
pub struct Gates {
    office: Arc<Office>,
    threads: Vec<JoinHandle<Vec<Sent>>>,
    opened: DateTime<Utc>,
}

/// What the gates and the test tell each other.
struct Office {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    address: SocketAddr,
    /// How often the address has changed; the new one may happen to be an old one again.
    moves: usize,
    acknowledged: usize,
    refused: usize,
    closing: bool,
}

impl Gates {
    pub fn open(count: usize, address: SocketAddr) -> Self {
        Self::start(count, address, true)
    }

    /// The same, with a new connection for each entry, as shell scripts do it.
    pub fn open_without_keep_alive(count: usize, address: SocketAddr) -> Self {
        Self::start(count, address, false)
    }

    fn start(count: usize, address: SocketAddr, keep_alive: bool) -> Self {
        let state = State { address, moves: 0, acknowledged: 0, refused: 0, closing: false };
        let office = Arc::new(Office { state: Mutex::new(state), changed: Condvar::new() });
        let opened = Utc::now();
        let run = |number| {
            let office = office.clone();
            std::thread::spawn(move || Gate { number, keep_alive, office, sent: Vec::new() }.run())
        };
        let threads = (0..count).map(run).collect();
        Self { office, threads, opened }
    }

    /// Tells the gates where the service is now; until then they wait if it cannot be reached.
    pub fn move_to(&self, address: SocketAddr) {
        self.office.update(|state| {
            state.address = address;
            state.moves += 1;
        });
    }

    /// Waits until `further` entries have been acknowledged, beside those that are already.
    #[track_caller]
    pub fn wait_until_acknowledged(&self, further: usize) {
        self.wait(further, |state| state.acknowledged);
    }

    /// Waits until `further` entries have been refused, beside those that are already.
    #[track_caller]
    pub fn wait_until_refused(&self, further: usize) {
        self.wait(further, |state| state.refused);
    }

    #[track_caller]
    fn wait(&self, further: usize, count: impl Fn(&State) -> usize) {
        let state = self.office.state.lock().unwrap();
        let wanted = count(&state) + further;
        let state = self
            .office
            .changed
            .wait_timeout_while(state, PATIENCE, |state| count(state) < wanted)
            .unwrap()
            .0;
        let counted = count(&state);
        // The gates need it when this fails.
        drop(state);
        assert!(counted >= wanted, "{counted} of {wanted} within {PATIENCE:?}");
    }

    /// Lets every gate finish what it has begun, and hands over what they wrote down.
    pub fn close(mut self) -> Ledger {
        self.office.update(|state| state.closing = true);
        let gates = self.threads.drain(..).map(|thread| thread.join().unwrap()).collect();
        Ledger { since: self.opened, gates }
    }
}

impl Drop for Gates {
    fn drop(&mut self) {
        // Only a test that failed has not closed them: they end by themselves.
        self.office.update(|state| state.closing = true);
    }
}

impl Office {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn is_closing(&self) -> bool {
        self.state.lock().unwrap().closing
    }

    /// Where the service is, once it has moved at least `moves` times, and how often it has.
    /// `None` when the gates are closed.
    fn find_service(&self, moves: usize) -> Option<(SocketAddr, usize)> {
        let state = self.state.lock().unwrap();
        let wait = |state: &mut State| state.moves < moves && !state.closing;
        let state = self.changed.wait_while(state, wait).unwrap();
        (!state.closing).then_some((state.address, state.moves))
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

struct Gate {
    number: usize,
    keep_alive: bool,
    office: Arc<Office>,
    sent: Vec<Sent>,
}

impl Gate {
    fn run(mut self) -> Vec<Sent> {
        let mut moves = 0;
        while let Some((address, moved)) = self.office.find_service(moves) {
            match Connection::open(address) {
                Ok(connection) => self.post_all_the_while(connection),
                // Nobody listens there any more: the service has to move.
                Err(_) => moves = moved + 1,
            }
        }
        self.sent
    }

    /// Until the connection breaks or the gates are closed, or only once without keep-alive.
    fn post_all_the_while(&mut self, mut connection: Connection) {
        while !self.office.is_closing() {
            let entry_id = Uuid::now_v7();
            let body = self.body(entry_id);
            let begin = Instant::now();
            let outcome = Outcome::of(connection.post(&body));
            let took = begin.elapsed();
            let broken = matches!(outcome, Outcome::Unanswered(_));
            self.office.update(|state| state.count(&outcome));
            self.sent.push(Sent { entry_id, body, took, outcome });
            if broken || !self.keep_alive {
                return;
            }
        }
    }

    /// Every other gate was offline and names the moment itself.
    fn body(&self, entry_id: Uuid) -> String {
        let moment = self.number.is_multiple_of(2).then_some(Ledger::MOMENT);
        json!({
            "entry_id": entry_id,
            "firstname": format!("Number {}", self.sent.len()),
            "lastname": "Visitor",
            "gate": format!("Gate {}", self.number),
            "occurred_at": moment,
        })
        .to_string()
    }
}
