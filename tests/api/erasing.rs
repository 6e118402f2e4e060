//! Erasing names for good: what is gone, what stays, and what retries of erased entries get.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{Answer, Fresh, StoreKind, TestApp, on_both_stores};

const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";
const NEW: &str = "85844c14-bc2f-4249-8dc5-bd17377c5215";
const OTHER: &str = "75844c14-bc2f-4249-8dc5-bd17377c5215";
const DAY: &str = "20190624";

fn erase(app: &TestApp, arguments: &[&str]) -> Output {
    let mut environment = app.store.environment();
    environment.push(("ROLLCALL_TIMEZONE", "Asia/Manila".into()));
    Command::new(env!("CARGO_BIN_EXE_rollcall"))
        .arg("erase")
        .args(arguments)
        .env_clear()
        .envs(environment)
        .output()
        .unwrap()
}

/// The lines of its standard output.
#[track_caller]
fn erased(app: &TestApp, arguments: &[&str]) -> Vec<String> {
    let done = erase(app, arguments);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn person(entry_id: &str) -> Value {
    json!({
        "firstname": "Arvin", "lastname": "Cudanin", "gate": "A", "person_ref": "B-7", "entry_id": entry_id,
        "occurred_at": "2019-06-24T09:00:00+08:00",
    })
}

fn send(app: &TestApp, id: &str, verb: &str, body: Value) -> Answer {
    app.request("POST", &format!("/table/entry/{id}/{verb}"), &[], &body.to_string())
}

fn trail(app: &TestApp, id: &str) -> Value {
    let answer = app.get(&format!("/table/entry/{id}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn is_replay(answer: &Answer) -> bool {
    (answer.status, answer.header("idempotent-replayed")) == (200, Some("true"))
}

/// A corrected entry, whose replacement has another name and no badge number.
fn start_with_chain(store: StoreKind) -> TestApp {
    let app = TestApp::start(store);
    app.set_now("2019-06-24T02:00:00Z");
    assert_eq!(app.post(person(ID)).status, 201);
    let correction = json!({
        "reason": "Arvin is Zenaida", "entry_id": NEW, "firstname": "Zenaida", "person_ref": null, "gate": "B",
        "occurred_at": "2019-06-25T09:00:00+08:00",
    });
    assert_eq!(send(&app, ID, "correct", correction).status, 201);
    app
}

on_both_stores! {
    fn an_erased_entry_keeps_its_moments_and_its_gate(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T02:00:00Z");
        let before = app.post(person(ID)).json();
        let mut other = person(OTHER);
        other["person_ref"] = json!("B-8");
        let other = app.post(other).json();
        assert_eq!(erased(&app, &["--person-ref", "B-7"]), ["20190624  1", "entries erased: 1, of 1 days"]);
        let mut after = before.clone();
        after["firstname"] = json!("[erased]");
        after["lastname"] = json!("[erased]");
        after["person_ref"] = json!(null);
        assert_eq!(app.sheet(DAY), [after.clone(), other]);
        let trail = trail(&app, ID);
        let at = trail["history"][1]["at"].clone();
        assert_eq!(trail, json!({
            "entry": after, "state": "stands", "replaces": null, "history": [
                {"change": 1, "kind": "created", "at": before["received_at"], "entry": after},
                {"change": 3, "kind": "erased", "at": at, "entry_id": ID},
            ],
        }));
        assert_eq!(erased(&app, &["--person-ref", "B-7"]), ["entries erased: 0, of 0 days"]);
        assert_eq!(app.post(json!({"firstname": "a", "lastname": "b"})).json()["id"], 4, "one sequence for all changes");
    }

    fn the_whole_chain_is_erased_in_both_directions(store: StoreKind) {
        for scope in [&["--person-ref", "B-7"][..], &["--firstname", "Zenaida", "--lastname", " Cudanin "]] {
            let app = start_with_chain(store);
            assert_eq!(send(&app, NEW, "void", json!({"reason": "Zenaida was at home"})).status, 200);
            let expected = ["20190624  1", "20190625  1"];
            let dry_run = erased(&app, &[scope, &["--dry-run"]].concat());
            assert_eq!(dry_run, [&expected[..], &["entries would be erased: 2, of 2 days"]].concat());
            assert_eq!(trail(&app, NEW)["entry"]["firstname"], "Zenaida");
            assert_eq!(erased(&app, scope), [&expected[..], &["entries erased: 2, of 2 days"]].concat());
            let trail = trail(&app, NEW);
            let history = trail["history"].as_array().unwrap();
            let kinds: Vec<_> = history.iter().map(|change| change["kind"].as_str().unwrap()).collect();
            assert_eq!(kinds, ["created", "created", "replaced", "voided", "erased", "erased"]);
            for reason in [&history[2]["reason"], &history[3]["reason"]] {
                assert_eq!(reason, "[erased]");
            }
            assert_eq!((&history[4]["entry_id"], &history[5]["entry_id"]), (&json!(ID), &json!(NEW)));
            for word in ["Arvin", "Zenaida", "Cudanin", "B-7", "home"] {
                assert!(!trail.to_string().contains(word), "{word} in {trail}");
            }
            assert_eq!((&trail["state"], &trail["replaces"]), (&json!("voided"), &json!(ID)));
            assert_eq!(app.count_rows(), 2);
        }
    }

    fn changes_tell_an_erasure_and_show_no_erased_name(store: StoreKind) {
        let app = start_with_chain(store);
        let reader = |query: &str| app.get(&format!("/table/changes?{query}")).json();
        assert_eq!(reader("")["next"], 3);
        erased(&app, &["--person-ref", "B-7"]);
        let news = reader("after=3&wait=30");
        let at = news["changes"][0]["at"].clone();
        assert_eq!(news, json!({"next": 5, "changes": [
            {"change": 4, "kind": "erased", "at": at, "entry_id": ID},
            {"change": 5, "kind": "erased", "at": at, "entry_id": NEW},
        ]}));
        let all = reader("").to_string();
        for word in ["Arvin", "Zenaida", "Cudanin", "B-7"] {
            assert!(!all.contains(word), "{word} in {all}");
        }
        assert_eq!(reader("limit=4")["next"], 4);
        assert_eq!(app.get("/table/view/date:today").header("rollcall-change"), Some("5"));
    }

    fn earlier_changes_show_no_name_and_an_erasure_is_a_change(store: StoreKind) {
        let app = start_with_chain(store);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| app.get("/table/changes?after=3&wait=30").json());
            let done = erased(&app, &["--person-ref", "B-7"]);
            assert_eq!(done.last().unwrap(), "entries erased: 2, of 2 days");
            let page = reader.join().unwrap();
            let news = page["changes"].as_array().unwrap();
            let at = &news[0]["at"];
            assert_eq!(news, &[
                json!({"change": 4, "kind": "erased", "at": at, "entry_id": ID}),
                json!({"change": 5, "kind": "erased", "at": at, "entry_id": NEW}),
            ]);
        });
        let all = app.get("/table/changes").json();
        assert_eq!(all["next"], 5);
        let changes = all["changes"].as_array().unwrap();
        let member = |name: &str| changes.iter().map(|change| &change[name]).collect::<Vec<_>>();
        assert_eq!(member("kind"), ["created", "created", "replaced", "erased", "erased"]);
        assert_eq!((&changes[0]["entry"]["firstname"], &changes[2]["reason"]), (&json!("[erased]"), &json!("[erased]")));
        for word in ["Arvin", "Zenaida", "Cudanin", "B-7"] {
            assert!(!all.to_string().contains(word), "{word} in {all}");
        }
    }

    fn a_retry_of_anything_erased_is_a_replay_and_brings_nothing_back(store: StoreKind) {
        let app = start_with_chain(store);
        assert_eq!(app.post(person(OTHER)).status, 201);
        assert_eq!(send(&app, OTHER, "void", json!({"reason": "twice"})).status, 200);
        erased(&app, &["--person-ref", "B-7"]);
        let stored = [ID, NEW, OTHER].map(|id| trail(&app, id));
        let mut different = person(ID);
        (different["firstname"], different["gate"]) = (json!("Siobhan"), json!("Z"));
        for body in [person(ID), different] {
            let answer = app.post(body);
            assert!(is_replay(&answer), "{answer:?}");
            assert_eq!(answer.json(), stored[0]["entry"]);
        }
        let voided = send(&app, OTHER, "void", json!({"reason": "twice"}));
        assert!(is_replay(&voided), "{voided:?}");
        assert_eq!(voided.json(), stored[2]);
        for gate in ["B", "C"] {
            let corrected = send(&app, ID, "correct", json!({"reason": "x", "entry_id": NEW, "gate": gate}));
            assert!(is_replay(&corrected), "{corrected:?}");
            assert_eq!(corrected.json(), stored[1]["entry"]);
        }
        // Anything else cannot be stored.
        for (id, action, body) in [
            (NEW, "void", json!({"reason": "x"})),
            (NEW, "correct", json!({"reason": "x", "gate": "C"})),
            (OTHER, "correct", json!({"reason": "x", "gate": "C"})),
        ] {
            let problem = send(&app, id, action, body).problem(409, "already_amended");
            assert_eq!(problem["detail"], "The names of this entry were erased, so it cannot be amended any more.");
        }
        send(&app, NEW, "correct", json!({"reason": "x", "gate": "C", "entry_id": OTHER})).problem(422, "entry_id_reused");
        assert_eq!([ID, NEW, OTHER].map(|id| trail(&app, id)), stored);
        assert_eq!(app.count_rows(), 3);
        // Retries that arrive together, with and without the content that was stored.
        let answers: Vec<_> = std::thread::scope(|scope| {
            let retries: Vec<_> = ["A", "B", "C", "A"].map(|gate| {
                let app = &app;
                let mut body = person(ID);
                body["gate"] = json!(gate);
                scope.spawn(move || app.post(body))
            }).into();
            retries.into_iter().map(|retry| retry.join().unwrap()).collect()
        });
        assert!(answers.iter().all(is_replay), "{answers:?}");
        // A name that looks erased is a name like any other.
        let mut lookalike = person("65844c14-bc2f-4249-8dc5-bd17377c5215");
        (lookalike["firstname"], lookalike["lastname"], lookalike["person_ref"]) = (json!("[erased]"), json!("[erased]"), json!(null));
        assert_eq!(app.post(&lookalike).status, 201);
        lookalike["gate"] = json!("Z");
        app.post(&lookalike).problem(422, "entry_id_reused");
    }

    fn entries_older_than_some_days_are_erased_by_the_days_of_the_site(store: StoreKind) {
        let app = TestApp::start(store);
        let post = |moment: chrono::DateTime<chrono::Utc>| {
            let answer = app.post(json!({"firstname": "Arvin", "lastname": "Cudanin", "occurred_at": moment.to_rfc3339()}));
            assert_eq!(answer.status, 201, "{answer:?}");
        };
        // Manila has no clock changes. The day may change between here and the command.
        let today = chrono::Utc::now() + chrono::TimeDelta::hours(8);
        let midnight = today.date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc() - chrono::TimeDelta::hours(8);
        for days in [400, 32, 31] {
            post(midnight - chrono::TimeDelta::days(days));
        }
        post(midnight - chrono::TimeDelta::days(30) - chrono::TimeDelta::microseconds(1));
        post(midnight - chrono::TimeDelta::days(28));
        post(midnight);
        let lines = erased(&app, &["--older-than", "30"]);
        assert_eq!(lines.last().unwrap(), "entries erased: 4, of 3 days", "{lines:?}");
        let rest = erased(&app, &["--older-than", "0", "--dry-run"]);
        let is_next_day = chrono::Utc::now() + chrono::TimeDelta::hours(8) >= midnight + chrono::TimeDelta::hours(32);
        let expected = if is_next_day { "entries would be erased: 2, of 2 days" } else { "entries would be erased: 1, of 1 days" };
        assert_eq!(rest.last().unwrap(), expected, "{rest:?}");
    }

    fn nothing_is_older_than_more_days_than_there_ever_were(store: StoreKind) {
        let app = TestApp::start(store);
        for moment in ["0001-01-01T00:00:00Z", "2019-06-24T12:00:00Z"] {
            let body = json!({"firstname": "Arvin", "lastname": "Cudanin", "occurred_at": moment});
            assert_eq!(app.post(body).status, 201);
        }
        for days in ["740000", "99999999", "4294967295"] {
            assert_eq!(erased(&app, &["--older-than", days, "--dry-run"]), ["entries would be erased: 0, of 0 days"]);
            assert_eq!(erased(&app, &["--older-than", days]), ["entries erased: 0, of 0 days"]);
        }
    }

    fn many_entries_are_erased_in_batches(store: StoreKind) {
        let app = TestApp::start(store);
        let series = match store {
            StoreKind::Postgres => "SELECT gen_random_uuid(), now(), now(), 'Cudanin', 'Arvin', 'A', n::text FROM generate_series(1, 2600) AS n",
            StoreKind::Embedded => "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2600)
                SELECT printf('%08x-0000-4000-8000-000000000000', n), 1500000000000000 + n, 0, 'Cudanin', 'Arvin', 'A', n FROM n",
        };
        app.store.sql(&format!("INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate, person_ref) {series}"));
        let one = erased(&app, &["--person-ref", "1300"]);
        assert_eq!(one.last().unwrap(), "entries erased: 1, of 1 days");
        let names = ["--firstname", "Arvin", "--lastname", "Cudanin"];
        let rest = erased(&app, &names);
        assert_eq!(rest.last().unwrap(), "entries erased: 2599, of 1 days");
        assert_eq!(erased(&app, &names), ["entries erased: 0, of 0 days"]);
    }
}

#[test]
fn arguments_that_do_not_name_one_scope_are_refused() {
    let app = TestApp::start(StoreKind::Embedded);
    for arguments in [
        &[][..],
        &["--dry-run"],
        &["--firstname", "Arvin"],
        &["--lastname", "Cudanin"],
        &["--person-ref", " "],
        &["--older-than", "-1"],
        &["--older-than", "x"],
        &["--older-than", "1", "--person-ref", "7"],
        &["--older-than", "1", "--firstname", "a", "--lastname", "b"],
        &["--person-ref", "7", "--lastname", "b"],
    ] {
        let refused = erase(&app, arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {refused:?}");
    }
    let bare = TestApp::with(Fresh::bare(StoreKind::Embedded), Default::default());
    let refused = erase(&bare, &["--older-than", "1"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("run rollcall migrate first"));
}
