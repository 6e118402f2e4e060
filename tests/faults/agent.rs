//! Gate agents and a real upstream: everything arrives, once, whatever breaks in between.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::connection::{Connection, get};
use crate::gate_agent::GateAgent;
use crate::load_generator::LoadGenerator;
use crate::load_lock;
use crate::relay::Relay;
use crate::support::process::{Environment, rollcall};
use crate::support::{Fresh, Process, StoreKind, on_both_stores};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// All entries of a service by their `entry_id`, without what each service chooses by itself.
fn entries(address: SocketAddr) -> BTreeMap<String, Value> {
    let mut connection = Connection::open(address).unwrap();
    let (mut entries, mut after) = (BTreeMap::new(), 0);
    loop {
        let page = connection.get(&format!("/table/changes?after={after}")).unwrap().json();
        let changes = page["changes"].as_array().unwrap();
        if changes.is_empty() {
            return entries;
        }
        after = page["next"].as_i64().unwrap();
        for change in changes.iter().filter(|change| change["kind"] == "created") {
            let mut entry = change["entry"].clone();
            let id = entry["entry_id"].as_str().unwrap().to_owned();
            entry.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "received_at");
            assert_eq!(entries.insert(id, entry), None, "an entry_id is there twice");
        }
    }
}

/// Waits until the agent holds nothing, and asserts that the upstream has what it has.
#[track_caller]
fn assert_arrived(agent: &GateAgent, upstream: &Process) -> BTreeMap<String, Value> {
    agent.wait_until_upstream("pending", 0);
    assert_eq!(agent.upstream()["rejected"], 0);
    let (here, there) = (entries(agent.process.address()), entries(upstream.address()));
    assert_eq!(here.len(), there.len());
    for (id, entry) in &here {
        assert_eq!(there.get(id), Some(entry));
    }
    here
}

/// A token of the store, made by the command.
fn make_token(store: &Fresh, arguments: &[&str]) -> String {
    let made = rollcall(&[&["token", "create"], arguments].concat(), &store.environment());
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

fn serve(store: &Fresh, environment: &Environment) -> Process {
    Process::serve(&[&store.environment()[..], environment].concat())
}

fn token_mode() -> [(&'static str, String); 2] {
    [("ROLLCALL_ACCESS", "token".to_owned()), ("ROLLCALL_ADMIN_TOKEN", ADMIN.to_owned())]
}

on_both_stores! {
    fn what_is_killed_and_cut_loses_no_entry_and_doubles_none(store: StoreKind) {
        let _load = load_lock::acquire();
        let store = Fresh::migrated(store);
        let mut upstream = serve(&store, &[]);
        let relay = Relay::to(upstream.address());
        let mut agent = GateAgent::start(&relay.url(), &[]);
        let load = LoadGenerator::start(4, agent.process.address());
        for round in 0..12 {
            // The numbers differ, so that the faults hit different moments.
            load.wait_until_acknowledged(40 + round * 17 % 50);
            match round % 4 {
                0 => relay.cut_after(round * 31),
                1 => {
                    agent.restart(&[]);
                    load.set_address(agent.process.address());
                }
                2 => {
                    upstream.kill();
                    load.wait_until_acknowledged(30);
                    upstream = serve(&store, &[]);
                    relay.set_targets(&[upstream.address()]);
                }
                _ => {
                    relay.take_down();
                    load.wait_until_acknowledged(30);
                    relay.bring_up();
                }
            }
        }
        let log = load.stop();
        let arrived = assert_arrived(&agent, &upstream);
        for (sent, _) in log.acknowledged() {
            assert!(arrived.contains_key(&sent.entry_id.to_string()), "{} is lost", sent.entry_id);
        }
        log.assert_acknowledged_are_stored(agent.process.address());
    }

    fn a_token_is_judged_and_the_reason_is_told(store: StoreKind) {
        let store = Fresh::migrated(store);
        let upstream = serve(&store, &token_mode());
        let url = format!("http://{}", upstream.address());
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |token: &str| std::fs::write(file.path(), format!("{token}\n")).unwrap();
        write("unknown");
        let path = file.path().display().to_string();
        let agent = GateAgent::start(&url, &[("ROLLCALL_UPSTREAM_TOKEN_FILE", path)]);
        agent.record("Cudanin");
        agent.wait_until_reason("refuses this gate's token: it is unknown, revoked or expired");
        assert_eq!(agent.upstream()["state"], "refused");

        let reader = make_token(&store, &["a", "--role", "reader"]);
        let with_reader = [("ROLLCALL_UPSTREAM_TOKEN", reader)];
        let other = GateAgent::start(&url, &with_reader);
        other.wait_until_reason("needs the role gate");
        let without = GateAgent::start(&url, &[]);
        without.wait_until_reason("asks for a token");

        // A new token in the file needs no restart.
        write(&make_token(&store, &["b", "--role", "gate", "--gate", "A"]));
        agent.wait_until_upstream("state", "reachable");
        agent.wait_until_upstream("pending", 0);
        for secret in ["unknown", &with_reader[0].1] {
            let (one, other) = (agent.process.log(), other.process.log());
            assert!(!one.iter().chain(&other).any(|line| line.contains(&format!("{secret}\""))));
        }
    }

    fn an_entry_of_another_gate_is_rejected_and_the_others_arrive(store: StoreKind) {
        let store = Fresh::migrated(store);
        let upstream = serve(&store, &token_mode());
        let token = make_token(&store, &["b", "--role", "gate", "--gate", "A"]);
        let url = format!("http://{}", upstream.address());
        let agent = GateAgent::start(&url, &[("ROLLCALL_UPSTREAM_TOKEN", token)]);
        let mut connection = Connection::open(agent.process.address()).unwrap();
        for (gate, name) in [(json!("A"), "a"), (json!("B"), "b"), (Value::Null, "c")] {
            let entry = json!({"firstname": "Arvin", "lastname": name, "gate": gate});
            assert_eq!(connection.post(&entry.to_string()).unwrap().status, 201);
        }
        agent.wait_until_upstream("rejected", 1);
        agent.wait_until_upstream("pending", 0);
        let line = agent.process.wait_for_line("the upstream did not store");
        assert_eq!((&line["status"], &line["code"]), (&json!(403), &json!("gate_mismatch")));
        let headers = format!("Authorization: Bearer {ADMIN}\r\n");
        let mut reader = Connection::open(upstream.address()).unwrap();
        let sheet = reader.send("GET", "/table/view/date:today", &headers, "").unwrap().json();
        let names: Vec<_> = sheet.as_array().unwrap().iter().collect();
        assert_eq!(names.len(), 2);
        assert!(names.iter().all(|entry| entry["gate"] == "A"), "the token fills its gate in");
    }

    fn a_file_that_is_forwarded_again_from_elsewhere_changes_nothing(store: StoreKind) {
        let store = Fresh::migrated(store);
        let upstream = serve(&store, &[]);
        let url = format!("http://{}", upstream.address());
        let agent = GateAgent::start(&url, &[]);
        for name in ["a", "b", "c"] {
            agent.record(name);
        }
        let before = assert_arrived(&agent, &upstream);
        assert!(rollcall(&["erase", "--firstname", "Arvin", "--lastname", "b"], &store.environment())
            .status.success());
        let erased = entries(upstream.address());

        // The file of a gate's computer that has broken, as a backup from before anything was forwarded.
        let copy = Fresh::bare(StoreKind::Embedded);
        agent.file.sql(&format!("VACUUM INTO '{}'", copy.file().display()));
        copy.sql("DELETE FROM forwarding");
        let elsewhere = GateAgent::on(copy, &url, &[]);
        elsewhere.wait_until_upstream("pending", 0);
        assert_eq!(elsewhere.upstream()["rejected"], 0);
        assert_eq!(entries(upstream.address()), erased);
        assert_ne!(erased, before);
    }
}

#[test]
fn what_another_upstream_has_is_forwarded_to_a_new_one() {
    let stores = [(); 2].map(|()| Fresh::migrated(StoreKind::Embedded));
    let [one, other] = [0, 1].map(|number: usize| serve(&stores[number], &[]));
    let mut agent = GateAgent::start(&format!("http://{}", one.address()), &[]);
    agent.record("Cudanin");
    assert_arrived(&agent, &one);
    agent.restart(&[("ROLLCALL_UPSTREAM", format!("http://{}", other.address()))]);
    assert_arrived(&agent, &other);
}

#[test]
fn an_import_is_forwarded_and_amendments_do_not_exist() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let upstream = serve(&store, &[]);
    let mut agent = GateAgent::start(&format!("http://{}", upstream.address()), &[]);
    let stored = agent.record("Cudanin").json();
    let rows = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(rows.path(), "firstname,lastname,login\na,b,2026-09-21T06:00:00Z\n").unwrap();
    let path = rows.path().to_str().unwrap();
    let imported = rollcall(&["import", path], &agent.file.environment());
    assert!(imported.status.success(), "{imported:?}");
    // The running agent notices it by its next sign of life.
    agent.restart(&[]);
    assert_eq!(assert_arrived(&agent, &upstream).len(), 2);

    let id = stored["entry_id"].as_str().unwrap();
    let mut connection = Connection::open(agent.process.address()).unwrap();
    for path in ["void", "correct"] {
        let path = format!("/table/entry/{id}/{path}");
        let answer = connection.send("POST", &path, "", r#"{"reason": "x"}"#).unwrap();
        answer.problem(404, "not_found");
    }
    let map = connection.get("/table").unwrap().json();
    let document = connection.get("/openapi.json").unwrap().json();
    for (routes, entry) in [
        (&map["routes"], "GET /table/entry/ENTRY_ID"),
        (&document["paths"], "/table/entry/{entry_id}"),
    ] {
        let routes: Vec<_> = routes.as_object().unwrap().keys().collect();
        let amending = |route: &&&String| route.ends_with("/void") || route.ends_with("/correct");
        assert_eq!(routes.iter().find(amending), None);
        assert!(routes.iter().any(|route| *route == entry), "{routes:?}");
    }
    let page = connection.send("GET", &format!("/table/entry/{id}"), "Accept: text/html\r\n", "");
    let page = page.unwrap();
    assert!(page.status == 200 && !page.body.contains("name=\"reason\""), "{page:?}");
    assert!(get(upstream.address(), "/health").json().get("upstream").is_none());
}

#[test]
fn an_agent_with_a_database_server_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("ROLLCALL_UPSTREAM", "https://rollcall.example.org".to_owned()),
        ("DATABASE_FILE", folder.path().join("x.sqlite3").display().to_string()),
        ("DATABASE_NAME", "x".to_owned()),
    ];
    let refused = rollcall(&["serve"], &environment);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let line = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with("rollcall: ROLLCALL_UPSTREAM is set, and so is"), "{line}");
    // The other commands need not care.
    assert!(rollcall(&["migrate"], &environment[..2]).status.success());
}

/// The file of a gate's computer that ran release 0.1.0.
#[test]
fn a_file_of_the_first_release_is_forwarded() {
    const FIRST: &str =
        include_str!("../../migrations/sqlite/20261121000000_create_attendance/up.sql");
    let file = Fresh::bare(StoreKind::Embedded);
    file.sql(FIRST);
    file.sql(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
             run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
         INSERT INTO __diesel_schema_migrations (version) VALUES ('20261121000000');
         INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate) VALUES
             ('01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f', 1790000000000000, 1790000000000000, 'a', 'b', 'A'),
             ('01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e40', 1780000000000000, 1790000000000000, 'c', 'd', NULL)",
    );
    let store = Fresh::migrated(StoreKind::Embedded);
    let upstream = serve(&store, &[]);
    // The entries are old.
    let keep = [("ROLLCALL_KEEP_DAYS", "36500".to_owned())];
    let agent = GateAgent::on(file, &format!("http://{}", upstream.address()), &keep);
    assert_eq!(assert_arrived(&agent, &upstream).len(), 2);
}

#[test]
fn what_is_erased_at_a_gate_arrives_without_names_and_erases_nothing_at_the_upstream() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let upstream = serve(&store, &[]);
    let relay = Relay::to(upstream.address());
    let mut agent = GateAgent::start(&relay.url(), &[]);
    let erase = |name: &str, file: &Fresh| {
        let arguments = ["erase", "--firstname", "Arvin", "--lastname", name];
        let erased = rollcall(&arguments, &file.environment());
        assert!(erased.status.success(), "{erased:?}");
    };
    agent.record("before");
    agent.wait_until_upstream("pending", 0);
    relay.take_down();
    agent.record("after");
    erase("before", &agent.file);
    erase("after", &agent.file);
    // As in an older copy of the file.
    agent.file.sql("DELETE FROM forwarding");
    agent.process.kill();
    relay.bring_up();
    agent.restart(&[]);
    agent.wait_until_upstream("pending", 0);
    assert_eq!(agent.upstream()["rejected"], 0);
    let names = entries(upstream.address());
    let mut names: Vec<_> = names.values().map(|entry| &entry["lastname"]).collect();
    names.sort_by_key(|name| name.to_string());
    assert_eq!(names, ["[erased]", "before"]);
}
