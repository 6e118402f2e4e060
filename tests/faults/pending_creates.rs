use std::net::SocketAddr;
use std::thread::JoinHandle;

use serde_json::Value;

use crate::connection::{get, post};
use crate::support::{Answer, wait_until};

/// Creates that are in flight at the same time, each over its own connection.
pub struct PendingCreates {
    address: SocketAddr,
    requests: Vec<JoinHandle<Answer>>,
}

impl PendingCreates {
    pub fn to(address: SocketAddr) -> Self {
        Self { address, requests: Vec::new() }
    }

    /// Posts `body` and does not wait for the answer.
    pub fn post(&mut self, body: Value) {
        let address = self.address;
        self.requests.push(std::thread::spawn(move || post(address, &body)));
    }

    /// Waits until the service reports a queue depth of at least `entries`. The batch that the
    /// writer is committing does not count.
    #[track_caller]
    pub fn wait_until_queued(&self, entries: u64) {
        wait_until("the entries are queued", || queue_depth(self.address) >= entries);
    }

    /// Posts one body after the other until the queue depth is at least `entries`.
    pub fn post_until_queued(&mut self, entries: u64, mut body: impl FnMut() -> Value) {
        wait_until("enough entries are queued", || {
            let enough = queue_depth(self.address) >= entries;
            if !enough {
                self.post(body());
            }
            enough
        });
    }

    /// Waits for the answers to all of them, in the order of posting.
    #[track_caller]
    pub fn answers(self) -> Vec<Answer> {
        self.requests.into_iter().map(|request| request.join().unwrap()).collect()
    }
}

fn queue_depth(address: SocketAddr) -> u64 {
    get(address, "/health").json()["queue"]["depth"].as_u64().unwrap()
}
