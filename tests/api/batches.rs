//! `POST /table/batch`: entries that a gate sends together.

use diesel::connection::SimpleConnection;
use rollcall::domain::Access;
use serde_json::{Value, json};

use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, on_both_stores, wait_until};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// The `entry_id` number `n`.
fn id(n: usize) -> String {
    format!("01957a3e-6c5b-7c61-9c2e-{n:012x}")
}

fn entry(n: usize) -> Value {
    json!({"firstname": "Arvin", "lastname": "Cudanin", "entry_id": id(n)})
}

fn with(n: usize, member: &str, value: impl Into<Value>) -> Value {
    let mut entry = entry(n);
    entry[member] = value.into();
    entry
}

fn post(app: &TestApp, batch: impl ToString) -> Answer {
    app.request("POST", "/table/batch", &[], &batch.to_string())
}

fn post_as(app: &TestApp, token: &str, batch: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    app.request("POST", "/table/batch", &[("Authorization", &bearer)], &batch.to_string())
}

#[track_caller]
fn results(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()["results"].as_array().unwrap().clone()
}

/// The status of each result, with the code of its problem if it is one.
#[track_caller]
fn outcomes(answer: &Answer) -> Vec<String> {
    let outcome = |result: &Value| {
        let members: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
        let status = result["status"].as_u64().unwrap();
        match result.get("problem") {
            Some(problem) => {
                assert_eq!(members, ["problem", "status"]);
                assert_eq!(problem["status"], status, "{result}");
                format!("{status} {}", problem["code"].as_str().unwrap())
            }
            None => {
                assert_eq!(members, ["entry", "status"]);
                status.to_string()
            }
        }
    };
    results(answer).iter().map(outcome).collect()
}

fn in_token_mode(store: StoreKind) -> TestApp {
    let options = Options {
        access: Access::Token,
        admin_token: Some(ADMIN),
        token: Some(ADMIN.to_owned()),
        ..Options::default()
    };
    TestApp::with(Fresh::migrated(store), options)
}

fn make_token(app: &TestApp, request: Value) -> String {
    let made = app.request("POST", "/admin/tokens", &[], &request.to_string());
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["token"].as_str().unwrap().to_owned()
}

#[track_caller]
fn metric(app: &TestApp, series: &str) -> String {
    let metrics = app.get("/metrics").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {metrics}")).to_owned()
}

on_both_stores! {
    fn each_entry_gets_the_answer_of_a_create_of_its_own(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T01:12:21.123456Z");
        assert_eq!(app.post(entry(1)).status, 201);
        let stored = app.post(entry(1));
        let batch = json!({"entries": [
            entry(2), entry(1), with(1, "gate", "B"), with(3, "firstname", ""), 5, null, "x", [entry(4)],
            {"firstname": "Arvin", "lastname": "Cudanin"}, with(5, "occurred_at", "2019-06-24T08:00:00+08:00"),
        ]});
        let answer = post(&app, &batch);
        assert_eq!(outcomes(&answer), [
            "201", "200", "422 entry_id_reused", "400 invalid_entry", "400 invalid_json", "400 invalid_json",
            "400 invalid_json", "400 invalid_json", "400 invalid_entry", "201",
        ]);
        let results = results(&answer);
        assert_eq!(results[1]["entry"], stored.json());
        for (number, body) in batch["entries"].as_array().unwrap().iter().enumerate() {
            if number == 8 {
                continue;
            }
            let alone = app.post(body).json();
            match results[number].get("entry") {
                Some(entry) => assert_eq!(*entry, alone),
                None => assert_eq!(results[number]["problem"], alone),
            }
        }
        let errors = &results[8]["problem"]["errors"];
        assert_eq!((&errors[0]["field"], &errors[0]["code"]), (&json!("entry_id"), &json!("required")));
        assert_eq!(results[9]["entry"]["login"], "2019-06-24T08:00:00.000000+08:00");
        assert_eq!(results[0]["entry"]["login"], "2019-06-24T09:12:21.123456+08:00");
        assert_eq!(app.count_rows(), 3);
    }

    fn all_invalid_members_of_an_entry_are_reported_at_once(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = post(&app, json!({"entries": [{"firstname": 1, "gate": "", "direction": "up"}]}));
        let errors = results(&answer)[0]["problem"]["errors"].clone();
        let fields: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
        assert_eq!(fields, ["firstname", "lastname", "gate", "entry_id", "direction"]);
    }

    fn an_element_that_the_json_parser_refuses_gets_its_own_answer(store: StoreKind) {
        let app = TestApp::start(store);
        let twice = r#"{"firstname": "a", "firstname": "a", "lastname": "b"}"#;
        let surrogate = r#"{"firstname": "\ud800", "lastname": "b"}"#;
        let answer = post(&app, format!(r#"{{"entries": [{twice}, {}, {surrogate}]}}"#, entry(1)));
        assert_eq!(outcomes(&answer), ["400 invalid_json", "201", "400 invalid_json"]);
    }

    fn a_bad_batch_is_refused_as_a_whole(store: StoreKind) {
        let app = TestApp::start(store);
        for body in ["", "[]", "{", "5", "{\"entries\": [}", "{\"entries\": [], \"entries\": []}", "\u{feff}{\"entries\": []}"] {
            post(&app, body).problem(400, "invalid_json");
        }
        let latin = app.request("POST", "/table/batch", &[], "{\"gate\": \"\\ud800\", \"entries\": []}");
        latin.problem(400, "invalid_json");
        let many: Vec<_> = (0..501).map(entry).collect();
        for (batch, fields) in [
            (json!({}), &[("entries", "required")][..]),
            (json!({"entries": null}), &[("entries", "required")]),
            (json!({"entries": {}}), &[("entries", "wrong_type")]),
            (json!({"entries": "x"}), &[("entries", "wrong_type")]),
            (json!({"entries": many}), &[("entries", "too_many")]),
            (
                json!({"entries": 1, "gate": "", "as_of": "2019-06-24T09:12:21", "pending": -1, "oldest_pending": 5}),
                &[
                    ("entries", "wrong_type"), ("gate", "empty"), ("as_of", "invalid_time"),
                    ("pending", "wrong_type"), ("oldest_pending", "wrong_type"),
                ],
            ),
            (json!({"entries": [entry(1)], "pending": "3"}), &[("pending", "wrong_type")]),
            (json!({"entries": [entry(1)], "pending": 1.5}), &[("pending", "wrong_type")]),
        ] {
            let problem = post(&app, &batch).problem(400, "invalid_entry");
            let errors = problem["errors"].as_array().unwrap();
            let found: Vec<_> = errors.iter().map(|e| (e["field"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
            assert_eq!(found, fields, "{batch}");
            assert!(errors.iter().all(|error| !error["message"].as_str().unwrap().is_empty()));
        }
        assert_eq!(app.count_rows(), 0);
    }

    fn unknown_members_and_null_are_ignored(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = post(&app, json!({
            "entries": [entry(1)], "gate": null, "as_of": null, "pending": null, "oldest_pending": null, "x": [1],
        }));
        assert_eq!(outcomes(&answer), ["201"]);
        assert_eq!(results(&answer)[0]["entry"]["gate"], Value::Null);
    }

    fn an_empty_batch_is_a_sign_of_life(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = post(&app, json!({"entries": []}));
        assert_eq!((answer.status, &*answer.body), (200, r#"{"results":[]}"#));
    }

    fn five_hundred_entries_are_recorded_and_can_be_sent_again(store: StoreKind) {
        let app = TestApp::start(store);
        let batch = json!({"entries": (0..500).map(entry).collect::<Vec<_>>()});
        let first = post(&app, &batch);
        assert!(outcomes(&first).iter().all(|outcome| outcome == "201"), "{first:?}");
        let again = post(&app, &batch);
        assert!(outcomes(&again).iter().all(|outcome| outcome == "200"), "{again:?}");
        let entries = |answer: &Answer| results(answer).iter().map(|result| result["entry"].clone()).collect::<Vec<_>>();
        assert_eq!(entries(&first), entries(&again));
        let ids: Vec<_> = entries(&first).iter().map(|entry| entry["entry_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids, (0..500).map(id).collect::<Vec<_>>(), "the results are in the order of the batch");
        assert_eq!(app.count_rows(), 500);
    }

    fn the_same_entry_id_twice_in_a_batch_is_decided_as_two_requests_would_be(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = post(&app, json!({"entries": [entry(2), entry(1), with(1, "gate", "B"), entry(1)]}));
        assert_eq!(outcomes(&answer), ["201", "201", "422 entry_id_reused", "200"]);
        let results = results(&answer);
        assert_eq!(results[1]["entry"], results[3]["entry"]);
        assert_eq!(app.count_rows(), 2);
    }

    fn the_gate_of_the_batch_is_that_of_entries_without_one(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = post(&app, json!({"gate": " North ", "entries": [entry(1), with(2, "gate", Value::Null), with(3, "gate", "B")]}));
        let gates: Vec<_> = results(&answer).iter().map(|result| result["entry"]["gate"].clone()).collect();
        assert_eq!(gates, ["North", "North", "B"]);
        // It counts as content.
        assert_eq!(outcomes(&post(&app, json!({"gate": "North", "entries": [entry(1)]}))), ["200"]);
        assert_eq!(outcomes(&post(&app, json!({"entries": [entry(1)]}))), ["422 entry_id_reused"]);
        assert_eq!(app.post(with(1, "gate", "North")).status, 200);
    }

    fn an_entry_of_a_bound_token_for_another_gate_is_refused_alone(store: StoreKind) {
        let app = in_token_mode(store);
        let token = make_token(&app, json!({"name": "a", "role": "gate", "gate": "A"}));
        let answer = post_as(&app, &token, &json!({"entries": [entry(1), with(2, "gate", "B"), with(3, "gate", "A")]}));
        assert_eq!(outcomes(&answer), ["201", "403 gate_mismatch", "201"]);
        let results = results(&answer);
        assert_eq!((&results[0]["entry"]["gate"], &results[2]["entry"]["gate"]), (&json!("A"), &json!("A")));
        assert_eq!(app.count_rows(), 2);
        assert_eq!(metric(&app, "rollcall_requests_refused_total"), "1");
    }

    fn a_batch_of_a_bound_token_for_another_gate_is_refused_as_a_whole(store: StoreKind) {
        let app = in_token_mode(store);
        let token = make_token(&app, json!({"name": "a", "role": "gate", "gate": "A"}));
        for entries in [json!([]), json!([entry(1), with(2, "gate", "A")])] {
            post_as(&app, &token, &json!({"gate": "B", "entries": entries})).problem(403, "gate_mismatch");
        }
        assert_eq!(app.count_rows(), 0);
        let answer = post_as(&app, &token, &json!({"gate": " A", "entries": [entry(1)]}));
        assert_eq!(results(&answer)[0]["entry"]["gate"], "A");
    }

    fn checks_are_made_in_the_contracts_order(store: StoreKind) {
        let app = in_token_mode(store);
        let reader = make_token(&app, json!({"name": "r", "role": "reader"}));
        let gate = make_token(&app, json!({"name": "a", "role": "gate", "gate": "A"}));
        let huge = json!("x".repeat(1024 * 1024));
        for (token, batch, status, code) in [
            ("wrong", &huge, 401, "unauthenticated"),
            (&*reader, &huge, 403, "forbidden"),
            (&*gate, &huge, 413, "body_too_large"),
            (&*gate, &json!({"gate": "B", "entries": 1}), 400, "invalid_entry"),
            (&*gate, &json!({"gate": "B", "entries": [5]}), 403, "gate_mismatch"),
        ] {
            post_as(&app, token, batch).problem(status, code);
        }
        let bearer = format!("Bearer {gate}");
        let answer = app.request("PUT", "/table/batch", &[("Authorization", &bearer)], "{}");
        answer.problem(405, "method_not_allowed");
    }

    fn a_batch_may_have_a_mebibyte(store: StoreKind) {
        let app = TestApp::start(store);
        let padded = |length: usize| {
            let batch = json!({"entries": [entry(1)], "padding": ""}).to_string();
            batch.replace("\"padding\":\"\"", &format!("\"padding\":\"{}\"", "x".repeat(length - batch.len())))
        };
        let problem = post(&app, padded(1024 * 1024 + 1)).problem(413, "body_too_large");
        assert_eq!(problem["detail"], "The body must have at most 1048576 bytes.");
        assert_eq!(outcomes(&post(&app, padded(1024 * 1024))), ["201"]);
    }

    fn a_batch_that_the_queue_has_no_room_for_is_refused_as_a_whole(store: StoreKind) {
        let options = Options { queue_limit: 3, ..Options::default() };
        let app = TestApp::with(Fresh::migrated(store), options);
        let batch = json!({"entries": (0..4).map(entry).collect::<Vec<_>>()});
        let busy = post(&app, &batch);
        busy.problem(503, "busy");
        assert_eq!(busy.header("retry-after"), Some("1"));
        assert_eq!(app.count_rows(), 0);
        let batch = json!({"entries": (0..3).map(entry).collect::<Vec<_>>()});
        assert_eq!(outcomes(&post(&app, &batch)), ["201", "201", "201"]);
    }

    fn a_retry_of_an_erased_entry_brings_nothing_back(store: StoreKind) {
        let app = TestApp::start(store);
        assert_eq!(outcomes(&post(&app, json!({"entries": [entry(1), entry(2)]}))), ["201", "201"]);
        let erased = std::process::Command::new(env!("CARGO_BIN_EXE_rollcall"))
            .args(["erase", "--firstname", "Arvin", "--lastname", "Cudanin"])
            .env_clear()
            .envs(app.store.environment())
            .output()
            .unwrap();
        assert!(erased.status.success(), "{erased:?}");
        let answer = post(&app, json!({"entries": [entry(1), with(2, "gate", "B"), entry(3)]}));
        assert_eq!(outcomes(&answer), ["200", "200", "201"]);
        let results = results(&answer);
        assert_eq!((&results[0]["entry"]["firstname"], &results[1]["entry"]["firstname"]), (&json!("[erased]"), &json!("[erased]")));
    }

    fn entries_are_counted_as_those_of_creates_are(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = post(&app, json!({"gate": "A", "entries": [entry(1), entry(2), entry(1), with(1, "gate", "B"), 5]}));
        assert_eq!(outcomes(&answer), ["201", "201", "200", "422 entry_id_reused", "400 invalid_json"]);
        post(&app, json!({"entries": []}));
        for (series, value) in [
            (r#"rollcall_entries_total{outcome="created",gate="A"}"#, "2"),
            (r#"rollcall_entries_total{outcome="replayed",gate="A"}"#, "1"),
            (r#"rollcall_problems_total{code="entry_id_reused"}"#, "1"),
            (r#"rollcall_problems_total{code="invalid_json"}"#, "1"),
            ("rollcall_batch_entries_count", "2"),
            ("rollcall_batch_entries_sum", "5.0"),
            (r#"rollcall_batch_entries_bucket{le="0.0"}"#, "1"),
            (r#"rollcall_batch_entries_bucket{le="2.0"}"#, "1"),
            (r#"rollcall_batch_entries_bucket{le="5.0"}"#, "2"),
        ] {
            assert_eq!(metric(&app, series), value, "{series}");
        }
    }

    fn entries_are_numbered_in_the_order_of_the_batch(store: StoreKind) {
        let app = TestApp::start(store);
        let now = chrono::Utc::now().to_rfc3339();
        // Each comes and goes within the precision of the gate's clock. The ids are in the opposite order.
        let passage = |n: usize, direction: &str| {
            let number = 100 - 2 * n - usize::from(direction == "out");
            json!({
                "firstname": "Arvin", "lastname": "Cudanin", "person_ref": format!("B-{n}"), "direction": direction,
                "entry_id": id(number), "occurred_at": now,
            })
        };
        let entries: Vec<_> = (0..20).flat_map(|n| [passage(n, "in"), passage(n, "out")]).collect();
        let stored = results(&post(&app, json!({"entries": entries})));
        let ids: Vec<_> = stored.iter().map(|result| result["entry"]["id"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        let inside = app.get("/table/inside").json();
        assert_eq!(inside["inside"], json!([]), "{inside}");
    }

    fn parallel_batches_with_the_same_entries_record_each_once(store: StoreKind) {
        let app = TestApp::start(store);
        let forwards = json!({"entries": (0..100).map(entry).collect::<Vec<_>>()});
        let backwards = json!({"entries": (0..100).rev().map(entry).collect::<Vec<_>>()});
        let answers: Vec<_> = std::thread::scope(|scope| {
            let app = &app;
            let posts: Vec<_> = (0..4)
                .map(|n| if n % 2 == 0 { &forwards } else { &backwards })
                .map(|batch| scope.spawn(move || post(app, batch)))
                .collect();
            posts.into_iter().map(|post| post.join().unwrap()).collect()
        });
        let all: Vec<_> = answers.iter().flat_map(outcomes).collect();
        assert_eq!(all.iter().filter(|outcome| *outcome == "201").count(), 100);
        assert_eq!(all.iter().filter(|outcome| *outcome == "200").count(), 300);
        assert_eq!(app.count_rows(), 100);
    }
}

/// The queue's bound counts entries, and nothing of a batch waits that has no room.
#[test]
fn a_batch_waits_with_all_of_its_entries() {
    let options = Options { queue_limit: 5, ..Options::default() };
    let app = TestApp::with(Fresh::migrated(StoreKind::Postgres), options);
    let mut lock = app.store.postgres();
    lock.batch_execute("BEGIN; LOCK TABLE attendance IN EXCLUSIVE MODE").unwrap();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| app.post(entry(1)));
        // The writer has taken it and waits for the table.
        wait_until("the writer is blocked", || metric(&app, "rollcall_queue_seconds_count") == "1");
        let batch = scope.spawn(|| post(&app, json!({"entries": [entry(2), entry(3), entry(4)]})));
        wait_until("the batch waits", || metric(&app, "rollcall_queue_depth") == "3");
        post(&app, json!({"entries": [entry(5), entry(6), entry(7)]})).problem(503, "busy");
        assert_eq!(metric(&app, "rollcall_queue_depth"), "3");
        lock.batch_execute("ROLLBACK").unwrap();
        assert_eq!(first.join().unwrap().status, 201);
        assert_eq!(outcomes(&batch.join().unwrap()), ["201", "201", "201"]);
    });
    assert_eq!(app.count_rows(), 4);
}

/// A person at a gate does not wait for what another gate has gathered.
#[test]
fn an_entry_of_its_own_is_recorded_before_the_rest_of_a_batch() {
    let app = TestApp::start(StoreKind::Postgres);
    let mut lock = app.store.postgres();
    lock.batch_execute("BEGIN; LOCK TABLE attendance IN EXCLUSIVE MODE").unwrap();
    std::thread::scope(|scope| {
        let batch = json!({"entries": (0..500).map(entry).collect::<Vec<_>>()});
        let batch = scope.spawn(|| post(&app, batch));
        wait_until("the writer is blocked", || {
            metric(&app, "rollcall_queue_seconds_count") == "50"
        });
        assert_eq!(metric(&app, "rollcall_queue_depth"), "450");
        let alone = scope.spawn(|| app.post(entry(1_000)));
        wait_until("it waits", || metric(&app, "rollcall_queue_depth") == "451");
        lock.batch_execute("ROLLBACK").unwrap();
        assert_eq!(alone.join().unwrap().json()["id"], 51);
        assert_eq!(outcomes(&batch.join().unwrap()), vec!["201"; 500]);
    });
    assert_eq!(app.count_rows(), 501);
}

/// PostgreSQL finds the deadlock within a second, and refuses one of the two.
#[test]
fn batches_in_opposite_orders_on_two_replicas_record_each_entry_once() {
    let store = std::sync::Arc::new(Fresh::migrated(StoreKind::Postgres));
    let replicas = [(); 2].map(|()| TestApp::with(store.clone(), Options::default()));
    for round in 0..5 {
        let numbers = || round * 500..(round + 1) * 500;
        let batches = [
            json!({"entries": numbers().map(entry).collect::<Vec<_>>()}),
            json!({"entries": numbers().rev().map(entry).collect::<Vec<_>>()}),
        ];
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let posts = replicas.iter().zip(&batches);
            let posts: Vec<_> =
                posts.map(|(app, batch)| scope.spawn(move || post(app, batch))).collect();
            posts.into_iter().flat_map(|post| outcomes(&post.join().unwrap())).collect()
        });
        let of = |status| outcomes.iter().filter(|outcome| *outcome == status).count();
        assert_eq!((of("201"), of("200")), (500, 500));
    }
    assert_eq!(replicas[0].count_rows(), 2_500);
}
