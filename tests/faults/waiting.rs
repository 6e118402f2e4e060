use std::net::SocketAddr;
use std::thread::JoinHandle;

use serde_json::Value;

use crate::connection::{get, post};
use crate::patience;
use crate::support::Answer;

/// Creates that are under way at the same time, each over a connection of its own.
pub struct Waiting {
    address: SocketAddr,
    posts: Vec<JoinHandle<Answer>>,
}

impl Waiting {
    pub fn at(address: SocketAddr) -> Self {
        Self { address, posts: Vec::new() }
    }

    /// Posts `body` and does not wait for the answer.
    pub fn post(&mut self, body: Value) {
        let address = self.address;
        self.posts.push(std::thread::spawn(move || post(address, &body)));
    }

    /// Waits until the service says that at least so many entries wait for the store, beside those
    /// that its writer is at.
    #[track_caller]
    pub fn wait_until_queued(&self, entries: u64) {
        patience::until("the entries are queued", || queued(self.address) >= entries);
    }

    /// Posts one body after the other until at least so many are queued.
    pub fn post_until_queued(&mut self, entries: u64, mut body: impl FnMut() -> Value) {
        patience::until("enough entries are queued", || {
            let enough = queued(self.address) >= entries;
            if !enough {
                self.post(body());
            }
            enough
        });
    }

    /// The answers to all of them, in the order of posting.
    #[track_caller]
    pub fn answers(self) -> Vec<Answer> {
        self.posts.into_iter().map(|post| post.join().unwrap()).collect()
    }
}

fn queued(address: SocketAddr) -> u64 {
    get(address, "/health").json()["queue"]["depth"].as_u64().unwrap()
}
