//! `rollcall erase` beside a running service: what it leaves, and what happens at the same time.

use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::{Value, json};

use crate::connection::{self, get, post, sheet};
use crate::contents::contents;
use crate::support::process::{command, rollcall};
use crate::support::{Answer, Fresh, Process, StoreKind, on_both_stores, wait_until};

/// What must be gone. No word occurs by chance.
const WORDS: [&str; 4] = ["Zwicklbauer", "Przybylski", "BADGE-4711", "Schwindel"];

const DAY: &str = "20190624";

fn person(number: u128) -> Value {
    json!({
        "firstname": WORDS[0], "lastname": WORDS[1], "person_ref": WORDS[2], "gate": format!("G{}", number % 3),
        "entry_id": id(number), "occurred_at": format!("2019-06-24T09:{:02}:00Z", number % 60),
    })
}

fn id(number: u128) -> String {
    format!("95844c14-bc2f-4249-8dc5-{number:012}")
}

fn amend(service: &Process, id: &str, verb: &str, body: &Value) -> Answer {
    let path = format!("/table/entry/{id}/{verb}");
    connection::Connection::open(service.address())
        .unwrap()
        .send("POST", &path, "", &body.to_string())
        .unwrap()
}

fn trace(store: &Fresh) -> Vec<(&'static str, String)> {
    [&store.environment()[..], &[("ROLLCALL_LOG", "trace".to_owned())]].concat()
}

fn words_in(bytes: &[u8]) -> Vec<&'static str> {
    let holds = |word: &str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    WORDS.into_iter().filter(|word| holds(word)).collect()
}

on_both_stores! {
    fn nothing_is_left_of_an_erased_name(store: StoreKind) {
        let store = Fresh::migrated(store);
        let mut service = Process::serve(&trace(&store));
        let address = service.address();
        for number in 0..200 {
            assert_eq!(post(address, &person(number)).status, 201);
        }
        for number in 0..50 {
            let answer = match number % 2 {
                0 => amend(&service, &id(number), "void", &json!({"reason": WORDS[3]})),
                _ => amend(&service, &id(number), "correct", &json!({"reason": WORDS[3], "gate": "H"})),
            };
            assert!(answer.status < 300, "{answer:?}");
        }
        let bare = |entry: &Value| {
            let mut entry = entry.clone();
            for member in ["firstname", "lastname", "person_ref"] {
                entry.as_object_mut().unwrap().remove(member).unwrap();
            }
            entry
        };
        let before: Vec<_> = sheet(address, DAY).iter().map(bare).collect();
        assert_eq!(before.len(), 175);
        if let Fresh::Postgres(_) = store {
            store.sql("ANALYZE");
        }
        assert_eq!(words_in(&contents(&store)), WORDS, "they are there before");

        let done = rollcall(&["erase", "--person-ref", WORDS[2]], &trace(&store));
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        assert_eq!(done.stdout, b"20190624  225\nentries erased: 225, of 1 days\n");
        assert_eq!(words_in(&done.stderr), [""; 0], "{done:?}");
        assert_eq!(words_in(&contents(&store)), [""; 0]);
        let after = sheet(address, DAY);
        assert!(after.iter().all(|entry| entry["lastname"] == "[erased]" && entry["person_ref"].is_null()));
        assert_eq!(after.iter().map(bare).collect::<Vec<_>>(), before, "the same moments and gates");

        // A gate that was offline sends its entry again.
        let retry = post(address, &person(7));
        assert_eq!((retry.status, retry.header("idempotent-replayed")), (200, Some("true")));
        assert_eq!(words_in(&contents(&store)), [""; 0]);
        service.signal("TERM");
        assert!(service.wait(Duration::from_secs(20)).success());
        let log = service.log().join("\n");
        assert!(log.contains("\"stopped\""), "{log}");
        assert_eq!(words_in(log.as_bytes()), [""; 0]);
        assert_eq!(words_in(&contents(&store)), [""; 0]);
    }

    fn a_run_that_was_killed_is_completed_by_the_next(store: StoreKind) {
        let store = Fresh::migrated(store);
        store.sql(&match &store {
            Fresh::Postgres(_) => format!(
                "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname)
                 SELECT gen_random_uuid(), '2019-06-24 09:00Z', now(), '{}', '{}' FROM generate_series(1, 40000)",
                WORDS[1], WORDS[0]
            ),
            Fresh::Embedded(_) => format!(
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40000)
                 INSERT INTO attendance (entry_id, login, received_at, lastname, firstname)
                 SELECT printf('%08x-0000-4000-8000-000000000000', n), 1561366800000000, 0, '{}', '{}' FROM n",
                WORDS[1], WORDS[0]
            ),
        });
        let arguments = ["erase", "--firstname", WORDS[0], "--lastname", WORDS[1]];
        let erased = || count(&store, "erasure");
        let mut first: Child = command(&arguments, &store.environment()).spawn().unwrap();
        wait_until("a part is erased", || erased() >= 500);
        first.kill().unwrap();
        first.wait().unwrap();
        let before = erased();
        assert!((500..40_000).contains(&before), "{before}");
        assert_eq!(count_names(&store), 40_000 - before, "an erasure and its update are one transaction");
        let second = rollcall(&arguments, &store.environment());
        let all = String::from_utf8(second.stdout).unwrap();
        let rest = 40_000 - before;
        assert_eq!(all, format!("20190624  {rest}\nentries erased: {rest}, of 1 days\n"));
        assert_eq!((erased(), count_names(&store)), (40_000, 0));
        assert_eq!(words_in(&contents(&store)), [""; 0]);
    }

    fn an_amendment_at_the_same_time_is_erased_too_or_refused(store: StoreKind) {
        let store = Fresh::migrated(store);
        let services = [(); 2].map(|()| Process::serve(&store.environment()));
        const ENTRIES: u128 = 120;
        for number in 0..ENTRIES {
            assert_eq!(post(services[0].address(), &person(number)).status, 201);
        }
        let is_erased = AtomicBool::new(false);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let correct = |service, number| {
                let body = json!({"reason": WORDS[3], "person_ref": null, "gate": "H"});
                amend(service, &id(number), "correct", &body).status
            };
            let correctors: Vec<_> = services.iter().enumerate().map(|(side, service)| {
                let is_erased = &is_erased;
                scope.spawn(move || {
                    let mine = (0..ENTRIES).filter(move |number| number % 2 == side as u128);
                    let answers = mine.map(|number| (is_erased.load(Ordering::SeqCst), correct(service, number)));
                    answers.collect::<Vec<_>>()
                })
            }).collect();
            wait_until("a part is amended", || count(&store, "amendment") >= 10);
            let done = rollcall(&["erase", "--person-ref", WORDS[2]], &store.environment());
            assert_eq!(done.status.code(), Some(0), "{done:?}");
            is_erased.store(true, Ordering::SeqCst);
            correctors.into_iter().flat_map(|corrector| corrector.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|(_, status)| [201, 409].contains(status)), "{answers:?}");
        assert!(answers.iter().any(|(_, status)| *status == 201), "{answers:?}");
        let after = answers.iter().filter(|(after, _)| *after);
        assert!(after.clone().all(|(_, status)| *status == 409), "{answers:?}");
        assert_eq!(words_in(&contents(&store)), [""; 0]);
        assert_eq!(count(&store, "erasure"), count(&store, "attendance"));
    }
}

fn count(store: &Fresh, table: &str) -> i64 {
    number(store, &format!("(SELECT count(*) FROM {table})"))
}

fn count_names(store: &Fresh) -> i64 {
    number(store, "(SELECT count(*) FROM attendance WHERE lastname <> '[erased]')")
}

fn number(store: &Fresh, expression: &str) -> i64 {
    let query = diesel::select(sql::<BigInt>(expression));
    match store {
        Fresh::Postgres(_) => query.get_result(&mut store.postgres()),
        Fresh::Embedded(_) => {
            let file = store.file();
            let mut session = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
            session.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
            query.get_result(&mut session)
        }
    }
    .unwrap()
}

/// It waits for the transaction that erases, and then finds the entry erased.
#[test]
fn an_amendment_that_waits_for_an_erasure_is_refused() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let service = Process::serve(&store.environment());
    for (number, verb) in [(1, "void"), (2, "correct")] {
        assert_eq!(post(service.address(), &person(number)).status, 201);
        // What the command does, held open.
        let mut erasing = store.postgres();
        erasing.batch_execute("BEGIN; LOCK TABLE amendment IN SHARE ROW EXCLUSIVE MODE").unwrap();
        std::thread::scope(|scope| {
            let body = json!({"reason": WORDS[3], "gate": "H"});
            let service = &service;
            let amending = scope.spawn(move || amend(service, &id(number), verb, &body));
            wait_until_blocked(&store);
            erasing
                .batch_execute(&format!(
                    "INSERT INTO erasure (entry_id, erased_at) VALUES ('{}', now()); COMMIT",
                    id(number)
                ))
                .unwrap();
            amending.join().unwrap().problem(409, "already_amended");
        });
    }
    assert_eq!((count(&store, "amendment"), count(&store, "attendance")), (0, 2));
}

/// Until somebody waits for a lock on the amendments.
fn wait_until_blocked(store: &Fresh) {
    // The table has the same OID in every database that was copied from one template.
    let waiting = "(SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database \
                   WHERE datname = current_database() \
                   AND relation = 'amendment'::regclass AND NOT granted)";
    wait_until("somebody waits for the amendments", || number(store, waiting) > 0);
}

/// The command stops instead of making all amendments wait behind it.
#[test]
fn an_amendment_that_is_not_committed_stops_the_command_and_entries_are_recorded_meanwhile() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let service = Process::serve(&store.environment());
    assert_eq!(post(service.address(), &person(1)).status, 201);
    let mut open = store.postgres();
    open.batch_execute(&format!(
        "BEGIN; INSERT INTO amendment (entry_id, number, reason, made_at) \
         VALUES ('{}', 1, 'x', now())",
        id(1)
    ))
    .unwrap();
    let running =
        command(&["erase", "--person-ref", WORDS[2]], &store.environment()).spawn().unwrap();
    wait_until_blocked(&store);
    assert_eq!(post(service.address(), &person(2)).status, 201);
    let stopped = running.wait_with_output().unwrap();
    assert_eq!(stopped.status.code(), Some(1), "{stopped:?}");
    assert!(String::from_utf8_lossy(&stopped.stderr).contains("lock timeout"), "{stopped:?}");
    assert_eq!(count(&store, "erasure"), 0);
    open.batch_execute("COMMIT").unwrap();
    let done = rollcall(&["erase", "--person-ref", WORDS[2]], &store.environment());
    assert_eq!(done.stdout, b"20190624  2\nentries erased: 2, of 1 days\n", "{done:?}");
}

/// The log cannot be emptied while a read keeps it. The command says so, and the next one does it.
#[test]
fn a_long_read_of_the_file_is_reported() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let service = Process::serve(&store.environment());
    assert_eq!(post(service.address(), &person(1)).status, 201);
    let mut reader = SqliteConnection::establish(store.file().to_str().unwrap()).unwrap();
    reader.batch_execute("BEGIN; SELECT count(*) FROM attendance").unwrap();
    let erase = || {
        let timeout = ("DATABASE_TIMEOUT_SECONDS", "1".to_owned());
        let environment = [&store.environment()[..], &[timeout]].concat();
        rollcall(&["erase", "--person-ref", WORDS[2]], &environment)
    };
    let kept = erase();
    assert_eq!(kept.status.code(), Some(1), "{kept:?}");
    assert!(String::from_utf8_lossy(&kept.stderr).contains("run the command again"), "{kept:?}");
    reader.batch_execute("COMMIT").unwrap();
    let done = erase();
    assert_eq!(done.stdout, b"entries erased: 0, of 0 days\n", "{done:?}");
    assert_eq!(words_in(&contents(&store)), [""; 0]);
    assert_eq!(get(service.address(), "/readyz").status, 200);
}
