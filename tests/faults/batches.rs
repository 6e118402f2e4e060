//! Batches of gates while the service is killed, and while its database is away or refuses a row.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::connection::{Connection, get};
use crate::load_lock;
use crate::support::{Answer, Cluster, Fresh, Process, StoreKind, on_both_stores, wait_until};

/// How many entries a batch has.
const ENTRIES: usize = 25;

const TODAY: &str = "/table/view/date:today";

fn id(number: usize) -> String {
    format!("01957a3e-6c5b-7c61-9c2e-{number:012x}")
}

fn entry(number: usize) -> Value {
    json!({"firstname": "Arvin", "lastname": "Cudanin", "entry_id": id(number)})
}

/// The batch number `number`, whose entries are in no other one.
fn batch(number: usize) -> String {
    let entries: Vec<_> = (number * ENTRIES..(number + 1) * ENTRIES).map(entry).collect();
    json!({"entries": entries}).to_string()
}

/// The answer, if it arrives.
fn post(address: SocketAddr, batch: &str) -> Option<Answer> {
    Connection::open(address).ok()?.send("POST", "/table/batch", "", batch).ok()
}

/// The ids of the entries that are stored for good.
fn stored(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let results = answer.json();
    let results = results["results"].as_array().unwrap().iter();
    results
        .map(|result| {
            assert!(result["status"] == 201 || result["status"] == 200, "{result}");
            result["entry"]["entry_id"].as_str().unwrap().to_owned()
        })
        .collect()
}

/// The ids of the entries on today's sheet, each of which is there once.
fn on_sheet(address: SocketAddr) -> BTreeSet<String> {
    let sheet: Vec<Value> = serde_json::from_str(&get(address, TODAY).body).unwrap();
    let ids: BTreeSet<_> =
        sheet.iter().map(|entry| entry["entry_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), sheet.len());
    ids
}

on_both_stores! {
    fn what_a_batch_acknowledges_survives_kills_of_the_service(store: StoreKind) {
        let _load = load_lock::acquire();
        let store = Fresh::migrated(store);
        let mut service = Process::serve(&store.environment());
        let address = Mutex::new(service.address());
        let (next, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let is_over = AtomicBool::new(false);
        let (acknowledged, unanswered) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        // What cannot be sent is not in question.
                        let connect = || Connection::open(*address.lock().unwrap()).ok();
                        let mut connection = None;
                        wait_until("the service listens", || {
                            connection = connect();
                            connection.is_some()
                        });
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let sent = connection.unwrap().send("POST", "/table/batch", "", &batch(number));
                        match sent {
                            Ok(answer) => {
                                acknowledged.lock().unwrap().extend(stored(&answer));
                                answered.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(_) => unanswered.lock().unwrap().push(number),
                        }
                    }
                });
            }
            for round in 0..8 {
                let before = answered.load(Ordering::Relaxed);
                // The number differs, so that the kills hit different moments of a commit.
                wait_until("batches are answered", || {
                    answered.load(Ordering::Relaxed) >= before + 5 + round
                });
                service.kill();
                service = Process::serve(&store.environment());
                *address.lock().unwrap() = service.address();
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let sheet = on_sheet(service.address());
        let acknowledged = acknowledged.into_inner().unwrap();
        assert!(acknowledged.len() >= 40 * ENTRIES, "{}", acknowledged.len());
        let missing: Vec<_> = acknowledged.iter().filter(|id| !sheet.contains(*id)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        // Nobody knows what became of these. To send them again is safe.
        let unanswered = unanswered.into_inner().unwrap();
        assert!(!unanswered.is_empty(), "the kills met no batch in flight");
        for number in unanswered {
            stored(&post(service.address(), &batch(number)).unwrap());
        }
        let all: BTreeSet<_> = (0..next.into_inner() * ENTRIES).map(id).collect();
        assert_eq!(on_sheet(service.address()), all);
    }

    fn a_row_that_the_store_refuses_costs_only_itself(store: StoreKind) {
        let store = Fresh::migrated(store);
        store.sql(match store {
            Fresh::Postgres(_) => {
                "ALTER TABLE attendance ADD CONSTRAINT words_of_sql CHECK (lastname <> 'Rejected')"
            }
            Fresh::Embedded(_) => {
                "CREATE TRIGGER guard_rows BEFORE INSERT ON attendance WHEN NEW.lastname = 'Rejected' \
                 BEGIN SELECT RAISE(ABORT, 'words of SQL'); END"
            }
        });
        let service = Process::serve(&store.environment());
        let mut entries: Vec<_> = (0..100).map(entry).collect();
        for number in [7, 93] {
            entries[number]["lastname"] = json!("Rejected");
        }
        let answer = post(service.address(), &json!({"entries": entries}).to_string()).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        for word in ["SQL", "words", "guard_rows", "attendance", "RAISE"] {
            assert!(!answer.body.contains(word), "{word} in {answer:?}");
        }
        let results = answer.json()["results"].as_array().unwrap().clone();
        assert_eq!(results.len(), 100);
        for (number, result) in results.iter().enumerate() {
            match number {
                7 | 93 => assert_eq!((&result["status"], &result["problem"]["code"]), (&json!(500), &json!("internal"))),
                _ => assert_eq!((&result["status"], &result["entry"]["entry_id"]), (&json!(201), &json!(id(number)))),
            }
        }
        assert_eq!(on_sheet(service.address()).len(), 98);
        // One line for the batch, with the reason and without names.
        let line = service.wait_for_line("entries of a batch are not recorded");
        assert_eq!(line["entries"], 2, "{line}");
        assert!(line["request_id"].is_string() && line["cause"].is_string(), "{line}");
        assert!(!service.log().join("\n").contains("Cudanin"));
    }
}

#[test]
fn a_batch_is_refused_as_a_whole_while_the_database_is_away() {
    let cluster = Cluster::start();
    let settings = [("DATABASE_TIMEOUT_SECONDS", "1".to_owned())];
    let service = Process::serve(&[&cluster.environment()[..], &settings].concat());
    stored(&post(service.address(), &batch(0)).unwrap());
    cluster.stop();
    let answer = post(service.address(), &batch(1)).unwrap();
    answer.problem(503, "store_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    cluster.start_again();
    stored(&post(service.address(), &batch(1)).unwrap());
    let all: BTreeSet<_> = (0..2 * ENTRIES).map(id).collect();
    assert_eq!(on_sheet(service.address()), all);
}

/// What a gate says is stored with its entries or not at all, and a sign of life needs the store.
#[test]
fn a_gate_is_not_complete_while_the_database_is_away() {
    let cluster = Cluster::start();
    let settings = [("DATABASE_TIMEOUT_SECONDS", "1".to_owned())];
    let environment = [&cluster.environment()[..], &settings].concat();
    let service = Process::serve(&environment);
    let made = crate::support::process::rollcall(
        &["token", "create", "a", "--role", "gate", "--gate", "A"],
        &environment,
    );
    assert!(made.status.success(), "{made:?}");
    let token = String::from_utf8(made.stdout).unwrap();
    let bearer = format!("Authorization: Bearer {}\r\n", token.trim());
    let send = |entries: Value, as_of: &str| {
        let body = json!({"entries": entries, "as_of": as_of}).to_string();
        let mut connection = Connection::open(service.address()).unwrap();
        connection.send("POST", "/table/batch", &bearer, &body).unwrap()
    };
    let complete_until = || {
        let sheet = get(service.address(), TODAY);
        sheet.header("rollcall-complete-until").map(str::to_owned)
    };
    let [first, second] = ["2019-06-24T08:00:00.000000Z", "2019-06-24T09:00:00.000000Z"];
    assert_eq!(send(json!([entry(1)]), first).status, 200);
    assert_eq!(complete_until().as_deref(), Some(first));
    cluster.stop();
    send(json!([entry(2)]), second).problem(503, "store_unavailable");
    send(json!([]), second).problem(503, "store_unavailable");
    cluster.start_again();
    wait_until("the sheet is served", || get(service.address(), TODAY).status == 200);
    assert_eq!(complete_until().as_deref(), Some(first));
    assert_eq!(send(json!([entry(2)]), second).status, 200);
    assert_eq!(complete_until().as_deref(), Some(second));
}
