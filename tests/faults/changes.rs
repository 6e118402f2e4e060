//! Readers of `/table/changes` while four services record and amend in one database, and others leave
//! transactions open on purpose.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::connection::Connection;
use crate::load_lock;
use crate::support::{Fresh, Process, StoreKind};

const SERVICES: usize = 4;
const WRITERS_OF_EACH: usize = 3;
/// Waiting readers of each service, beside the one that checks everything.
const READERS_OF_EACH: usize = 4;
/// In the first of these parts of the time the writers write as fast as they can, in the others at half of
/// that rate, so that readers find processors that are free. Readers read in every other one.
const PARTS: u32 = 11;

/// A write may be late by this much, and the writer keeps its pace.
const MADE_UP_FOR: Duration = Duration::from_millis(100);

/// An entry of a transaction that stays open.
const DRAW: &str = "BEGIN; INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
     VALUES (gen_random_uuid(), now(), now(), 'Late', 'Commit')";

/// How long the test lasts: 4 seconds, or what the variable says. To see what readers cost the
/// writers, run it for a minute, with `--release` and `--nocapture`.
fn duration() -> Duration {
    let seconds = std::env::var("ROLLCALL_TEST_CHANGES_SECONDS");
    Duration::from_secs(seconds.map_or(4, |seconds| seconds.parse().unwrap()))
}

/// What all threads share.
#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    written: AtomicUsize,
    /// From one write of a writer to the next one, at least, in microseconds.
    period: AtomicU64,
    left_open: AtomicUsize,
    is_reading: Mutex<bool>,
    changed: Condvar,
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn set_reading(&self, is_reading: bool) {
        *self.is_reading.lock().unwrap() = is_reading;
        self.changed.notify_all();
    }

    /// Waits for a part of the time in which readers read.
    fn wait_for_reading(&self) {
        let reading = self.is_reading.lock().unwrap();
        drop(self.changed.wait_while(reading, |reading| !*reading).unwrap());
    }

    /// Records entries, voids every fifth one and corrects every seventh one.
    fn write(&self, address: SocketAddr) {
        let mut connection = Connection::open(address).unwrap();
        let mut due = Instant::now();
        let mut post = |path: &str, body: Value, status: u16| {
            let answer = connection.send("POST", path, "", &body.to_string()).unwrap();
            assert_eq!(answer.status, status, "{answer:?}");
            self.written.fetch_add(1, Ordering::Relaxed);
            // People pass a gate at their own pace. A write that blocks is not made up for.
            let period = Duration::from_micros(self.period.load(Ordering::Relaxed));
            due = due.max(Instant::now() - MADE_UP_FOR) + period;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        };
        for number in 0.. {
            if self.is_over() {
                return;
            }
            let entry_id = Uuid::now_v7();
            let body = json!({"firstname": "Arvin", "lastname": "Cudanin", "entry_id": entry_id});
            post("/table/create", body, 201);
            if number % 5 == 0 {
                let path = format!("/table/entry/{entry_id}/void");
                post(&path, json!({"reason": "posted twice"}), 200);
            }
            if number % 7 == 0 {
                let path = format!("/table/entry/{entry_id}/correct");
                post(&path, json!({"reason": "another gate", "gate": "B"}), 201);
            }
        }
    }

    /// Leaves one transaction after the other open, for up to a tenth of the time: idle, or prepared
    /// if `is_prepared`. Every third one is rolled back.
    fn leave_open(&self, store: &Fresh, is_prepared: bool) {
        let mut session = store.postgres();
        for number in 0_u32.. {
            if self.is_over() {
                return;
            }
            session.batch_execute(DRAW).unwrap();
            let end = if number % 3 == 2 { "ROLLBACK" } else { "COMMIT" };
            let mut end = end.to_owned();
            if is_prepared {
                // Unique in the server.
                let name = Uuid::now_v7();
                session.batch_execute(&format!("PREPARE TRANSACTION '{name}'")).unwrap();
                end = format!("{end} PREPARED '{name}'");
            }
            // This is not a wait for something: the transaction is to be open for this long.
            thread::sleep(duration() / 10 * (number % 4) / 3);
            session.batch_execute(&end).unwrap();
            self.left_open.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads with waits, as a page does that shows what is new. What it gets is not looked at.
    fn read(&self, address: SocketAddr) {
        let mut connection = Connection::open(address).unwrap();
        let mut after = 0;
        while !self.is_over() {
            self.wait_for_reading();
            let path = format!("/table/changes?after={after}&wait=1");
            let page = connection.get(&path).unwrap().body;
            // To parse all of it would take time from the writers.
            let (_, next) = page.rsplit_once("\"next\":").unwrap();
            after = next.trim_end_matches('}').parse::<i64>().unwrap();
        }
    }
}

/// Reads small portions from one service after the other, until everything is told after the writers
/// have ended. Returns the numbers in the order in which they were told.
fn read_slowly(shared: &Shared, services: &[Process]) -> Vec<i64> {
    let mut connections: Vec<_> =
        services.iter().map(|service| Connection::open(service.address()).unwrap()).collect();
    let (mut after, mut told) = (0, Vec::new());
    for turn in 0.. {
        shared.wait_for_reading();
        let is_over = shared.is_over();
        let path = format!("/table/changes?after={after}&limit=150&wait=1");
        let page = connections[turn % SERVICES].get(&path).unwrap().json();
        let changes = page["changes"].as_array().unwrap();
        told.extend(changes.iter().map(|change| change["change"].as_i64().unwrap()));
        assert!(changes.len() <= 150);
        if is_over && changes.is_empty() {
            return told;
        }
        after = page["next"].as_i64().unwrap();
    }
    told
}

/// How much was written per second.
struct Written {
    at_full_speed: usize,
    /// At half of that, in each part of the time.
    without_readers: Vec<usize>,
    with_readers: Vec<usize>,
}

fn measure(shared: &Shared) -> Written {
    let part = || {
        let (before, begun) = (shared.written.load(Ordering::Relaxed), Instant::now());
        thread::sleep(duration() / PARTS);
        let written = shared.written.load(Ordering::Relaxed) - before;
        (written as f64 / begun.elapsed().as_secs_f64()) as usize
    };
    let at_full_speed = part();
    let writers = SERVICES * WRITERS_OF_EACH;
    let period = 2_000_000 * writers / at_full_speed.max(1);
    shared.period.store(period as u64, Ordering::Relaxed);
    let (mut without_readers, mut with_readers) = (Vec::new(), Vec::new());
    for number in 1..PARTS {
        let is_reading = number.is_multiple_of(2);
        shared.set_reading(is_reading);
        let written = if is_reading { &mut with_readers } else { &mut without_readers };
        written.push(part());
    }
    Written { at_full_speed, without_readers, with_readers }
}

fn median(mut figures: Vec<usize>) -> usize {
    figures.sort();
    figures[figures.len() / 2]
}

/// The numbers of all changes in the store, in order.
fn stored(store: &Fresh) -> Vec<i64> {
    let numbers =
        "ARRAY(SELECT id FROM attendance UNION ALL SELECT change FROM amendment ORDER BY 1)";
    diesel::select(sql::<Array<BigInt>>(numbers)).get_result(&mut store.postgres()).unwrap()
}

#[test]
fn a_slow_reader_misses_nothing_while_four_services_write_and_transactions_stay_open() {
    let _load = load_lock::acquire();
    let store = Fresh::migrated(StoreKind::Postgres);
    let services: Vec<_> = (0..SERVICES).map(|_| Process::serve(&store.environment())).collect();
    let shared = Shared::default();
    let (told, written) = thread::scope(|scope| {
        for service in &services {
            for _ in 0..WRITERS_OF_EACH {
                scope.spawn(|| shared.write(service.address()));
            }
            for _ in 0..READERS_OF_EACH {
                scope.spawn(|| shared.read(service.address()));
            }
        }
        for is_prepared in [false, true] {
            let (shared, store) = (&shared, &store);
            scope.spawn(move || shared.leave_open(store, is_prepared));
        }
        let slow = scope.spawn(|| read_slowly(&shared, &services));
        let written = measure(&shared);
        shared.is_over.store(true, Ordering::Relaxed);
        shared.set_reading(true);
        (slow.join().unwrap(), written)
    });
    let stored = stored(&store);
    let at_full_speed = written.at_full_speed;
    let (without, with) = (median(written.without_readers), median(written.with_readers));
    let left_open = shared.left_open.load(Ordering::Relaxed);
    println!(
        "{} changes told of {} numbers drawn; {left_open} transactions left open; written per \
         second: {at_full_speed} at full speed; at half of it, median, {without} without readers and \
         {with} with {} readers",
        told.len(),
        stored.last().unwrap(),
        SERVICES * READERS_OF_EACH + 1,
    );
    assert_eq!(told, stored, "everything, in order, each once");
    assert!(left_open > 2 && stored.len() > 100, "{left_open} {}", stored.len());
    // Shorter parts tell more of what else the machine does.
    if duration() >= Duration::from_secs(30) {
        assert!(with * 100 >= without * 98, "readers slow the writers down: {with}, not {without}");
    }
}
