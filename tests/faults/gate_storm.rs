//! A simulation of gates: agents with clients and wrong clocks, two replicas on one PostgreSQL, and
//! everything in between breaks at random. `make gate-storm` runs it for as long as SECONDS says.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::connection::Connection;
use crate::gate_agent::GateAgent;
use crate::load_lock;
use crate::relay::{Canned, Relay};
use crate::support::process::rollcall;
use crate::support::{Cluster, Process};

/// How long the storm lasts without the setting.
const SECONDS: u64 = 20;

/// By how much the clock of each gate is wrong, in seconds.
const CLOCKS: [i64; 10] = [0, 0, 0, 0, 0, 3_600, -3_600, 90, -2, 600];

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// A number of the environment.
fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name}: {value}")))
}

/// Numbers that look random, and are the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// One PostgreSQL with two replicas of the service.
struct Site {
    cluster: Cluster,
    replicas: Mutex<Vec<Process>>,
    environment: Vec<(&'static str, String)>,
}

impl Site {
    fn start() -> Self {
        let cluster = Cluster::start();
        let own = [
            ("ROLLCALL_ACCESS", "token".to_owned()),
            ("ROLLCALL_ADMIN_TOKEN", ADMIN.to_owned()),
            ("DATABASE_TIMEOUT_SECONDS", "2".to_owned()),
        ];
        let environment = [&cluster.environment()[..], &own].concat();
        let replicas = [(); 2].map(|()| Process::serve(&environment)).into();
        Self { cluster, replicas: Mutex::new(replicas), environment }
    }

    fn make_token(&self, number: usize) -> String {
        let (name, gate) = (format!("gate-{number}"), format!("Gate {number}"));
        let arguments = ["token", "create", &name, "--role", "gate", "--gate", &gate];
        let made = rollcall(&arguments, &self.environment);
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// Kills a replica and starts another in its place.
    fn replace(&self, number: usize, gates: &[Gate]) {
        let mut replicas = self.replicas.lock().unwrap();
        replicas[number].kill();
        replicas[number] = Process::serve(&self.environment);
        let addresses: Vec<_> = replicas.iter().map(Process::address).collect();
        gates.iter().for_each(|gate| gate.relay.set_targets(&addresses));
    }

    /// What a replica says of all gates, and then a sheet of it, if it answers.
    fn look(&self, number: usize, day: &str) -> Option<Observation> {
        let address = self.replicas.lock().unwrap()[number % 2].address();
        let mut connection = Connection::open(address).ok()?;
        let headers = format!("Authorization: Bearer {ADMIN}\r\n");
        let mut get = |path: &str| {
            let answer = connection.send("GET", path, &headers, "").ok()?;
            (answer.status == 200).then_some(answer)
        };
        let gates = get("/table/gates")?.json();
        let sheet = get(&format!("/table/view/date:{day}"))?;
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let gate = |gate: &Value| {
            let until = moment(gate["complete_until"].as_str().unwrap());
            (gate["gate"].as_str().unwrap().to_owned(), until)
        };
        Some(Observation {
            complete_until: moment(sheet.header("rollcall-complete-until").unwrap()),
            gates: gates["gates"].as_array().unwrap().iter().map(gate).collect(),
            sheet: serde_json::from_str(&sheet.body).unwrap(),
        })
    }
}

/// What a reader sees at once.
struct Observation {
    /// Up to which moment each gate, and then the sheet, is complete.
    gates: HashMap<String, DateTime<Utc>>,
    complete_until: DateTime<Utc>,
    sheet: Vec<Value>,
}

/// A gate: its agent, the network between it and the site, and what its client was answered.
struct Gate {
    relay: Relay,
    agent: Mutex<GateAgent>,
    /// Of every entry that was sent, the `login` of the answer with 201 or 200, if there was one.
    sent: Mutex<HashMap<Uuid, Option<String>>>,
}

impl Gate {
    /// Posts entries one after the other until `over`, each until it is stored.
    fn post(&self, number: usize, over: &AtomicBool) {
        let mut connection = None;
        let mut entry = None;
        while !over.load(Ordering::Relaxed) {
            let (entry_id, body) = entry.get_or_insert_with(|| {
                let entry_id = Uuid::now_v7();
                let name = format!("Number {number}");
                let body = json!({"firstname": "A", "lastname": name, "entry_id": entry_id});
                self.sent.lock().unwrap().insert(entry_id, None);
                (entry_id, body.to_string())
            });
            if connection.is_none() {
                let address = self.agent.lock().unwrap().process.address();
                connection = Connection::open(address).ok();
            }
            let answer = connection.as_mut().and_then(|connection| connection.post(body).ok());
            match answer {
                Some(answer) if answer.status < 300 => {
                    let login = answer.json()["login"].as_str().unwrap().to_owned();
                    self.sent.lock().unwrap().insert(*entry_id, Some(login));
                    entry = None;
                }
                Some(_) => {}
                None => connection = None,
            }
            // The pace of a busy gate, not a wait for something.
            thread::sleep(Duration::from_millis(3));
        }
    }
}

/// What a reader of the sheets has seen so far.
#[derive(Default)]
struct Seen {
    entries: HashSet<String>,
    /// The latest moments up to which each gate, and the sheet, were said to be complete.
    gates: HashMap<String, DateTime<Utc>>,
    complete_until: Option<DateTime<Utc>>,
    looks: usize,
    moves: usize,
}

impl Seen {
    /// Asserts that what is new was not missing on a sheet that was said to be complete.
    fn see(&mut self, observation: Observation) {
        for entry in &observation.sheet {
            if !self.entries.insert(entry["entry_id"].as_str().unwrap().to_owned()) {
                continue;
            }
            let login: DateTime<Utc> = entry["login"].as_str().unwrap().parse().unwrap();
            let of_gate = self.gates.get(entry["gate"].as_str().unwrap());
            for complete in of_gate.into_iter().chain(&self.complete_until) {
                assert!(login >= *complete, "complete until {complete}, and then came {entry}");
            }
        }
        for (gate, until) in observation.gates {
            let latest = self.gates.entry(gate).or_insert(until);
            if until > *latest {
                *latest = until;
                self.moves += 1;
            }
        }
        self.looks += 1;
        self.complete_until = self.complete_until.max(Some(observation.complete_until));
    }
}

/// One fault, of which most are over when this returns.
fn break_something(dice: &mut Dice, site: &Site, gates: &[Gate]) {
    let gate = &gates[dice.roll(gates.len() as u64) as usize];
    let briefly = Duration::from_millis(dice.roll(1_500));
    match dice.roll(12) {
        0..=2 => gate.relay.cut_after(dice.roll(2_000) as usize),
        3 => {
            gate.relay.take_down();
            thread::sleep(briefly);
            gate.relay.bring_up();
        }
        4 => gate.relay.answer_with(Some(Canned::Busy)),
        5 => gate.relay.answer_with(Some(Canned::TooLarge)),
        6 => gate.relay.answer_with(Some(Canned::Portal)),
        7 => gates.iter().for_each(|gate| gate.relay.answer_with(None)),
        8 => gate.agent.lock().unwrap().restart(&[]),
        9 => site.replace(dice.roll(2) as usize, gates),
        10 => {
            site.cluster.stop();
            thread::sleep(briefly);
            site.cluster.start_again();
        }
        _ => {
            site.cluster.kill();
            site.cluster.start_again();
        }
    }
}

/// The environment of a process whose clock is wrong.
fn wrong_clock(library: &str, seconds: i64) -> Vec<(&'static str, String)> {
    match seconds {
        0 => Vec::new(),
        seconds => vec![
            ("LD_PRELOAD", library.to_owned()),
            ("FAKETIME", format!("{seconds:+}")),
            // Pauses are measured by another clock.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ],
    }
}

#[test]
fn no_entry_is_lost_doubled_or_late_in_a_storm() {
    let _load = load_lock::acquire();
    let seconds = setting("ROLLCALL_STORM_SECONDS").unwrap_or(SECONDS);
    let seed = setting("ROLLCALL_STORM_SEED").unwrap_or_else(|| Uuid::now_v7().as_u64_pair().1);
    println!("the seed of this storm: ROLLCALL_STORM_SEED={seed}");
    let library = faketime();
    let (site, mut dice) = (Site::start(), Dice(seed));
    let addresses: Vec<_> = site.replicas.lock().unwrap().iter().map(Process::address).collect();
    let gates: Vec<_> = CLOCKS
        .iter()
        .enumerate()
        .map(|(number, clock)| {
            let relay = Relay::to(addresses[0]);
            relay.set_targets(&addresses);
            let token = [("ROLLCALL_UPSTREAM_TOKEN", site.make_token(number))];
            let environment = [&token[..], &wrong_clock(&library, *clock)].concat();
            let agent = Mutex::new(GateAgent::start(&relay.url(), &environment));
            Gate { relay, agent, sent: Mutex::default() }
        })
        .collect();
    // A gate whose clock is slow has reported it before anything counts as complete.
    for gate in &gates {
        gate.agent.lock().unwrap().wait_until_upstream("state", "reachable");
    }
    let day = Utc::now().format("%Y%m%d").to_string();
    let (over, seen) = (AtomicBool::new(false), Mutex::new(Seen::default()));
    thread::scope(|scope| {
        for (number, gate) in gates.iter().enumerate() {
            let over = &over;
            scope.spawn(move || gate.post(number, over));
        }
        scope.spawn(|| {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                number += 1;
                if let Some(observation) = site.look(number, &day) {
                    seen.lock().unwrap().see(observation);
                }
                // The pace of a reader, not a wait for something.
                thread::sleep(Duration::from_millis(50));
            }
        });
        let end = Instant::now() + Duration::from_secs(seconds);
        let stormed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            while Instant::now() < end {
                break_something(&mut dice, &site, &gates);
                thread::sleep(Duration::from_millis(dice.roll(400)));
            }
        }));
        over.store(true, Ordering::Relaxed);
        stormed.unwrap();
    });

    for gate in &gates {
        gate.relay.answer_with(None);
        gate.relay.bring_up();
    }
    for gate in &gates {
        let agent = gate.agent.lock().unwrap();
        agent.wait_until_upstream("pending", 0);
        assert_eq!(agent.upstream()["rejected"], 0);
    }
    let stored = all_entries(&site);
    let sent: HashMap<_, _> =
        gates.into_iter().flat_map(|gate| gate.sent.into_inner().unwrap()).collect();
    let acknowledged = sent.values().flatten().count();
    for (entry_id, login) in &sent {
        let entry = stored.get(entry_id);
        if let Some(login) = login {
            let entry = entry.unwrap_or_else(|| panic!("{entry_id} is lost"));
            assert_eq!(entry["login"], *login, "{entry}");
        }
    }
    let unknown: Vec<_> = stored.keys().filter(|id| !sent.contains_key(id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let Seen { looks, moves, complete_until, .. } = seen.into_inner().unwrap();
    let entries = stored.len();
    println!(
        "{entries} entries arrived, {acknowledged} were acknowledged; in {looks} looks, gates had \
         become complete up to a later moment {moves} times, and all of them up to {complete_until:?}"
    );
    assert!(acknowledged as u64 > 20 * seconds, "the storm met no load");
    assert!(moves > CLOCKS.len(), "gates said nothing of what they hold");
    assert!(complete_until.is_some());
}

/// All entries of the site. Asserts that none is there twice.
fn all_entries(site: &Site) -> HashMap<Uuid, Value> {
    let address = site.replicas.lock().unwrap()[0].address();
    let mut connection = Connection::open(address).unwrap();
    let headers = format!("Authorization: Bearer {ADMIN}\r\n");
    let (mut entries, mut after) = (HashMap::new(), 0);
    loop {
        let path = format!("/table/changes?after={after}");
        let page = connection.send("GET", &path, &headers, "").unwrap().json();
        let changes = page["changes"].as_array().unwrap();
        if changes.is_empty() {
            return entries;
        }
        after = page["next"].as_i64().unwrap();
        for change in changes {
            assert_eq!(change["kind"], "created");
            let entry = change["entry"].clone();
            let id = entry["entry_id"].as_str().unwrap().parse().unwrap();
            assert_eq!(entries.insert(id, entry), None, "{id} is there twice");
        }
    }
}

/// The library that makes clocks wrong, which `tests/support/install.sh` installs.
fn faketime() -> String {
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let libraries = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    let library = libraries.into_iter().find(|library| library.exists());
    library
        .expect("libfaketime is missing: tests/support/install.sh installs it")
        .display()
        .to_string()
}
