//! What is known of gates: `GET /table/gates`, and until when a sheet is complete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Timelike, Utc};
use rollcall::domain::Access;
use serde_json::{Value, json};

use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, on_both_stores, wait_until};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

const CREATED: &str = "2019-06-24T00:00:00.000000Z";

/// A service with an admin's token, at midnight UTC.
fn start(store: StoreKind) -> TestApp {
    let options = Options {
        access: Access::Token,
        admin_token: Some(ADMIN),
        token: Some(ADMIN.to_owned()),
        ..Options::default()
    };
    let app = TestApp::with(Fresh::migrated(store), options);
    app.set_now("2019-06-24T00:00:00Z");
    app
}

fn make_token(app: &TestApp, request: Value) -> String {
    let made = app.request("POST", "/admin/tokens", &[], &request.to_string());
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["token"].as_str().unwrap().to_owned()
}

/// A token named like its gate, in lower case.
fn make_gate(app: &TestApp, gate: &str) -> String {
    make_token(app, json!({"name": gate.to_lowercase(), "role": "gate", "gate": gate}))
}

fn post(app: &TestApp, token: &str, batch: Value) -> Answer {
    let bearer = format!("Bearer {token}");
    app.request("POST", "/table/batch", &[("Authorization", &bearer)], &batch.to_string())
}

/// Posts an empty batch with these members.
#[track_caller]
fn report(app: &TestApp, token: &str, mut members: Value) {
    members["entries"] = json!([]);
    let answer = post(app, token, members);
    assert_eq!((answer.status, &*answer.body), (200, r#"{"results":[]}"#));
}

#[track_caller]
fn gates(app: &TestApp) -> Vec<Value> {
    let answer = app.get("/table/gates");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["gates"].as_array().unwrap().clone()
}

/// The only gate's `complete_until`.
#[track_caller]
fn complete_until(app: &TestApp) -> Value {
    let gates = gates(app);
    assert_eq!(gates.len(), 1);
    gates[0]["complete_until"].clone()
}

fn header(answer: &Answer) -> Option<&str> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("rollcall-complete-until")
}

fn entry(n: usize) -> Value {
    let id = format!("01957a3e-6c5b-7c61-9c2e-{n:012x}");
    json!({"firstname": "Arvin", "lastname": "Cudanin", "entry_id": id})
}

/// Minute `minute` of the morning, as it is sent and as it is answered.
fn minute(minute: u32) -> String {
    format!("2019-06-24T08:{minute:02}:00.000000Z")
}

on_both_stores! {
    fn a_gate_is_listed_from_when_its_token_is_made(store: StoreKind) {
        let app = start(store);
        assert_eq!(app.get("/table/gates").body, r#"{"gates":[]}"#);
        make_gate(&app, "A");
        assert_eq!(
            app.get("/table/gates").body,
            format!(
                r#"{{"gates":[{{"gate":"A","token":"a","last_contact":null,"last_entry":null,"pending":null,"oldest_pending":null,"complete_until":"{CREATED}"}}]}}"#
            )
        );
    }

    fn a_batch_tells_when_the_gate_was_heard_of_and_what_it_holds(store: StoreKind) {
        let app = start(store);
        let token = make_gate(&app, "A");
        app.set_now(&minute(10));
        let batch = json!({
            "entries": [entry(1)], "as_of": "2019-06-24T16:09:30+08:00", "pending": 3, "oldest_pending": "2019-06-24T08:05:00.5Z",
        });
        assert_eq!(post(&app, &token, batch).status, 200);
        let expected = json!({
            "gate": "A", "token": "a", "last_contact": minute(10), "last_entry": minute(10),
            "pending": 3, "oldest_pending": "2019-06-24T08:05:00.500000Z",
            "complete_until": "2019-06-24T08:05:00.500000Z",
        });
        assert_eq!(gates(&app), [expected]);
        app.set_now(&minute(12));
        report(&app, &token, json!({"as_of": minute(12), "pending": 0}));
        let expected = json!({
            "gate": "A", "token": "a", "last_contact": minute(12), "last_entry": minute(10),
            "pending": 0, "oldest_pending": null, "complete_until": minute(12),
        });
        assert_eq!(gates(&app), [expected]);
    }

    fn the_moment_is_that_of_the_oldest_pending_entry_else_of_the_gates_clock(store: StoreKind) {
        let app = start(store);
        let token = make_gate(&app, "A");
        app.set_now(&minute(10));
        for (members, expected) in [
            // Without a report, and with one that does not say, it stays.
            (json!({}), CREATED.to_owned()),
            (json!({"pending": 0}), CREATED.to_owned()),
            (json!({"pending": 2, "oldest_pending": minute(1)}), CREATED.to_owned()),
            (json!({"as_of": minute(3), "pending": 2}), CREATED.to_owned()),
            (json!({"as_of": minute(4)}), minute(4)),
            (json!({"as_of": minute(5), "pending": 1, "oldest_pending": minute(2)}), minute(2)),
            (json!({"as_of": minute(6), "oldest_pending": minute(3)}), minute(3)),
            (json!({"as_of": minute(7), "pending": 9}), minute(3)),
            (json!({"as_of": minute(8), "pending": 0}), minute(8)),
            // Never later than its receipt, and never later than the gate's clock.
            (json!({"as_of": minute(50)}), minute(10)),
            (json!({"as_of": minute(50), "pending": 1, "oldest_pending": minute(40)}), minute(10)),
        ] {
            report(&app, &token, members.clone());
            assert_eq!(complete_until(&app), expected, "{members}");
        }
    }

    fn the_newest_report_wins_in_whichever_order_they_arrive(store: StoreKind) {
        let reports = [
            json!({"as_of": minute(5), "pending": 1, "oldest_pending": minute(2)}),
            json!({"as_of": minute(6)}),
            json!({"as_of": minute(7), "pending": 1, "oldest_pending": minute(3)}),
        ];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let app = start(store);
            let token = make_gate(&app, "A");
            app.set_now(&minute(10));
            for number in order {
                report(&app, &token, reports[number].clone());
            }
            let gate = gates(&app).remove(0);
            assert_eq!((&gate["complete_until"], &gate["pending"]), (&json!(minute(3)), &json!(1)), "{order:?}");
        }
    }

    fn a_gates_clock_counts_unless_it_is_ahead(store: StoreKind) {
        let app = start(store);
        let token = make_gate(&app, "A");
        // By the receipt, since the clock is ahead.
        app.set_now(&minute(10));
        report(&app, &token, json!({"as_of": minute(40)}));
        assert_eq!(complete_until(&app), minute(10));
        // The clock is right again.
        app.set_now(&minute(12));
        report(&app, &token, json!({"as_of": minute(11), "pending": 1, "oldest_pending": minute(4)}));
        assert_eq!(complete_until(&app), minute(4));
        // A report of before that was held up on the way.
        app.set_now(&minute(13));
        report(&app, &token, json!({"as_of": minute(9)}));
        assert_eq!(complete_until(&app), minute(4));
        assert_eq!(gates(&app)[0]["last_contact"], minute(13));
    }

    fn of_two_reports_of_one_moment_the_one_that_promises_less_wins(store: StoreKind) {
        for order in [[0, 1], [1, 0]] {
            let app = start(store);
            let token = make_gate(&app, "A");
            app.set_now(&minute(10));
            for number in order {
                let pending = [json!({}), json!({"pending": 1, "oldest_pending": minute(2)})];
                let mut members = pending[number].clone();
                members["as_of"] = json!(minute(5));
                report(&app, &token, members);
            }
            assert_eq!(complete_until(&app), minute(2), "{order:?}");
        }
    }

    fn only_valid_tokens_that_are_bound_to_a_gate_are_listed(store: StoreKind) {
        let app = start(store);
        for request in [
            json!({"name": "b-2", "role": "gate", "gate": "B"}),
            json!({"name": "z", "role": "gate", "gate": "A"}),
            json!({"name": "b-1", "role": "gate", "gate": "B"}),
            json!({"name": "free", "role": "gate"}),
            json!({"name": "desk", "role": "clerk"}),
            json!({"name": "gone", "role": "gate", "gate": "C"}),
            json!({"name": "old", "role": "gate", "gate": "D", "expires_at": minute(0)}),
        ] {
            make_token(&app, request);
        }
        assert_eq!(app.request("DELETE", "/admin/tokens/gone", &[], "").status, 200);
        let names = || gates(&app).iter().map(|gate| gate["token"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(), ["z", "b-1", "b-2", "old"]);
        app.set_now(&minute(0));
        assert_eq!(names(), ["z", "b-1", "b-2"]);
    }

    fn batches_without_a_bound_token_change_nothing(store: StoreKind) {
        let app = start(store);
        make_gate(&app, "A");
        let free = make_token(&app, json!({"name": "free", "role": "gate"}));
        app.set_now(&minute(10));
        for token in [&*free, ADMIN] {
            report(&app, token, json!({"gate": "A", "as_of": minute(9)}));
        }
        assert_eq!((gates(&app)[0]["last_contact"].clone(), complete_until(&app)), (Value::Null, json!(CREATED)));
    }

    fn a_batch_that_is_refused_changes_nothing(store: StoreKind) {
        let app = start(store);
        let token = make_gate(&app, "A");
        app.set_now(&minute(10));
        post(&app, &token, json!({"entries": [], "gate": "B", "as_of": minute(9)})).problem(403, "gate_mismatch");
        post(&app, &token, json!({"entries": 5, "as_of": minute(9)})).problem(400, "invalid_entry");
        assert_eq!(complete_until(&app), CREATED);
    }

    fn a_gate_that_only_creates_shows_signs_of_life(store: StoreKind) {
        let app = start(store);
        let token = make_gate(&app, "A");
        app.set_now(&minute(10));
        let bearer = format!("Bearer {token}");
        assert_eq!(app.post_with(&[("Authorization", &bearer)], entry(1)).status, 201);
        let is_noted = |at: &str| {
            let gate = gates(&app).remove(0);
            gate["last_contact"] == at && gate["last_entry"] == at
        };
        wait_until("the entry is noted", || is_noted(&minute(10)));
        assert_eq!(complete_until(&app), CREATED);
        app.set_now(&minute(12));
        assert_eq!(app.post_with(&[("Authorization", &bearer)], entry(2)).status, 201);
        wait_until("the next one is noted", || is_noted(&minute(12)));
        // What it says in a batch is not lost by that, and neither is the later entry.
        report(&app, &token, json!({"as_of": minute(11), "pending": 2, "oldest_pending": minute(3)}));
        assert_eq!(app.post_with(&[("Authorization", &bearer)], entry(1)).status, 200);
        app.set_now(&minute(13));
        assert_eq!(app.post_with(&[("Authorization", &bearer)], entry(3)).status, 201);
        wait_until("the last one is noted", || is_noted(&minute(13)));
        let gate = gates(&app).remove(0);
        assert_eq!((&gate["pending"], &gate["complete_until"]), (&json!(2), &json!(minute(3))));
    }

    fn a_gate_is_not_complete_while_an_entry_is_not_stored_that_may_follow(store: StoreKind) {
        let app = start(store);
        app.store.sql(match store {
            StoreKind::Postgres => {
                "CREATE FUNCTION guard_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                     IF NEW.lastname = 'Rejected' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$; \
                 CREATE TRIGGER guard_rows BEFORE INSERT ON attendance FOR EACH ROW EXECUTE FUNCTION guard_rows()"
            }
            StoreKind::Embedded => {
                "CREATE TRIGGER guard_rows BEFORE INSERT ON attendance WHEN NEW.lastname = 'Rejected' \
                 BEGIN SELECT RAISE(ABORT, 'no'); END"
            }
        });
        let token = make_gate(&app, "A");
        app.set_now(&minute(10));
        let at = |n: usize, lastname: &str, occurred_at: u32| {
            let mut entry = entry(n);
            entry["lastname"] = json!(lastname);
            entry["occurred_at"] = json!(minute(occurred_at));
            entry
        };
        let of_another_gate = |mut entry: Value| {
            entry["gate"] = json!("B");
            entry
        };
        let send = |as_of: u32, entries: &[Value]| {
            let answer = post(&app, &token, json!({"entries": entries, "as_of": minute(as_of)})).json();
            let results = answer["results"].as_array().unwrap().iter();
            (results.map(|result| result["status"].as_u64().unwrap()).collect::<Vec<_>>(), complete_until(&app))
        };
        let failed = [at(1, "a", 1), at(2, "Rejected", 4), at(3, "Rejected", 3), at(5, "b", 5)];
        assert_eq!(send(5, &failed), (vec![201, 500, 500, 201], json!(minute(3))));
        assert_eq!(send(6, &[at(6, "c", 2), of_another_gate(at(7, "d", 4))]), (vec![201, 403], json!(minute(4))));
        // When it happened, nobody knows. What was told before stays.
        assert_eq!(send(7, &[at(8, "", 2), at(9, "e", 6)]), (vec![400, 201], json!(minute(4))));
        // There is an entry with its id, so no other one can follow.
        assert_eq!(send(8, &[at(1, "other", 1)]), (vec![422], json!(minute(8))));
        assert_eq!(app.count_rows(), 4);
    }

    fn a_sheet_says_until_when_all_gates_are_complete(store: StoreKind) {
        let app = start(store);
        let sheet = |headers: &[(&str, &str)], query: &str| {
            app.request("GET", &format!("/table/view/date:20190624{query}"), headers, "")
        };
        let html = [("Accept", "text/html")];
        assert_eq!(header(&sheet(&[], "")), None, "without gates");
        make_token(&app, json!({"name": "free", "role": "gate"}));
        assert_eq!(header(&sheet(&[], "")), None, "a gate that no token is bound to");
        let [a, b] = ["A", "B"].map(|gate| make_gate(&app, gate));
        assert_eq!(header(&sheet(&[], "")), Some(CREATED));
        app.set_now(&minute(10));
        report(&app, &a, json!({"as_of": minute(9)}));
        assert_eq!(header(&sheet(&[], "")), Some(CREATED));
        report(&app, &b, json!({"as_of": minute(8), "pending": 1, "oldest_pending": minute(7)}));
        let expected = minute(7);
        for query in ["", "?format=csv", "?format=ndjson", "?gate=A", "?include=amended", "?format=html"] {
            assert_eq!(header(&sheet(&[], query)), Some(&*expected), "{query}");
        }
        assert_eq!(header(&app.request("HEAD", "/table/view/date:20190624", &[], "")), Some(&*expected));
        assert_eq!(header(&app.request("GET", "/table", &html, "")), Some(&*expected));
        assert_eq!(header(&app.get("/table/view/date:20300101")), Some(&*expected));
        assert_eq!(app.request("DELETE", "/admin/tokens/b", &[], "").status, 200);
        assert_eq!(header(&sheet(&[], "")), Some(&*minute(9)));
    }

    fn the_gates_are_csv_and_ndjson_too(store: StoreKind) {
        let app = start(store);
        let token = make_token(&app, json!({"name": "a", "role": "gate", "gate": "=A,1"}));
        make_gate(&app, "B");
        app.set_now(&minute(10));
        report(&app, &token, json!({"as_of": minute(9), "pending": 2, "oldest_pending": minute(3)}));
        let csv = app.get("/table/gates?format=csv");
        assert_eq!(csv.header("content-type"), Some("text/csv"));
        assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"gates-20190624.csv\""));
        assert_eq!(csv.body, format!(
            "gate,token,last_contact,last_entry,pending,oldest_pending,complete_until\r\n\
             \"'=A,1\",a,{},,2,{},{}\r\nB,b,,,,,{CREATED}\r\n", minute(10), minute(3), minute(3),
        ));
        let ndjson = app.request("GET", "/table/gates", &[("Accept", "application/x-ndjson")], "");
        let lines: Vec<Value> = ndjson.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, gates(&app));
        app.get("/table/gates?format=xml").problem(400, "invalid_query");
    }

    fn the_page_of_the_gates_shows_who_is_silent(store: StoreKind) {
        let app = start(store);
        let page = || app.request("GET", "/table/gates", &[("Accept", "text/html")], "");
        assert!(page().body.contains("No token is bound to a gate"), "{}", page().body);
        let token = make_token(&app, json!({"name": "a", "role": "gate", "gate": "A & Ω"}));
        app.set_now(&minute(10));
        report(&app, &token, json!({"as_of": minute(9), "pending": 2, "oldest_pending": minute(3)}));
        app.set_now(&minute(12));
        let shown = page();
        for part in ["A &amp; Ω", "2019-06-24 16:10</time>", "<td class=\"number\">2</td>", "2019-06-24 16:03</time>", "aria-current=\"page\">Gates"] {
            assert!(shown.body.contains(part), "{part} in {}", shown.body);
        }
        assert!(!shown.body.contains("silent</span>"), "two minutes are not too long");
        app.set_now("2019-06-24T08:12:01Z");
        assert!(page().body.contains("silent</span>"));
    }

    fn a_sheets_page_tells_completeness_and_silent_gates_in_words(store: StoreKind) {
        let app = start(store);
        let words = |day: &str| {
            let path = format!("/table/view/date:{day}");
            let page = app.request("GET", &path, &[("Accept", "text/html")], "").body;
            let paragraph = page.split_once("<p data-part=\"completeness\">")?.1.split_once("<a ").unwrap().0.trim().to_owned();
            let text = paragraph.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect::<String>();
            Some(text)
        };
        assert_eq!(words("20190624"), None);
        let [a, b] = ["A", "B"].map(|gate| make_gate(&app, gate));
        assert_eq!(words("20190624").unwrap(), "Complete until 08:00.");
        app.set_now(&minute(2));
        report(&app, &a, json!({"as_of": minute(2)}));
        report(&app, &b, json!({"as_of": minute(1)}));
        assert_eq!(words("today").unwrap(), "Complete until 16:01.");
        app.set_now(&minute(7));
        report(&app, &a, json!({"as_of": minute(7)}));
        assert_eq!(words("today").unwrap(), "Complete until 16:01; gate B has not reported since 16:02.");
        make_token(&app, json!({"name": "b-2", "role": "gate", "gate": "B"}));
        app.set_now(&minute(9));
        report(&app, &a, json!({"as_of": minute(9)}));
        app.set_now("2019-06-24T08:09:30Z");
        assert_eq!(
            words("today").unwrap(),
            "Complete until 16:01; gate B (b) has not reported since 16:02, gate B (b-2) has not reported yet."
        );
        // All gates have passed the end of the day before.
        assert_eq!(words("20190623").unwrap(), "Complete: all gates have sent their entries of this day.");
        app.set_now("2019-06-25T08:00:00Z");
        assert!(words("today").unwrap().starts_with("Complete until 2019-06-24 16:01; gate A has not reported since 2019-06-24 16:09, "));
    }

    fn a_sheet_is_never_said_to_be_complete_before_it_is(store: StoreKind) {
        const GATES: usize = 3;
        const BATCHES: usize = 40;
        // The clocks of the gates are that of this machine. No day begins while they send.
        let is_noon_near = (6..18).contains(&Utc::now().hour());
        let app = TestApp::with(Fresh::migrated(store), Options {
            zone: "UTC",
            day_start: if is_noon_near { "00:00" } else { "12:00" },
            access: Access::Token,
            admin_token: Some(ADMIN),
            token: Some(ADMIN.to_owned()),
            ..Options::default()
        });
        let tokens: Vec<_> = (0..GATES).map(|n| make_gate(&app, &format!("gate-{n}"))).collect();
        let day = "/table/view/date:today";
        let seen = |answer: &Answer| -> BTreeSet<String> {
            let entries: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
            entries.iter().map(|entry| entry["entry_id"].as_str().unwrap().to_owned()).collect()
        };
        let is_over = AtomicBool::new(false);
        let sheets: Vec<Answer> = std::thread::scope(|scope| {
            let (app, is_over) = (&app, &is_over);
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(move || {
                let mut sheets = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    sheets.push(app.get(day));
                }
                sheets
            })).collect();
            let gates: Vec<_> = tokens.iter().enumerate().map(|(gate, token)| scope.spawn(move || {
                send_batches(app, token, gate, BATCHES);
            })).collect();
            gates.into_iter().for_each(|gate| gate.join().unwrap());
            is_over.store(true, Ordering::Relaxed);
            readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
        });
        let last = app.get(day);
        let all: Vec<Value> = serde_json::from_str(&last.body).unwrap();
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let all: BTreeMap<String, DateTime<Utc>> = all.iter().map(|entry| {
            (entry["entry_id"].as_str().unwrap().to_owned(), moment(entry["login"].as_str().unwrap()))
        }).collect();
        assert!(all.len() > GATES * BATCHES, "{}", all.len());
        let mut moments = BTreeSet::new();
        for sheet in &sheets {
            let until = moment(header(sheet).unwrap());
            moments.insert(until);
            let seen = seen(sheet);
            let missing: Vec<_> = all.iter().filter(|(id, login)| **login < until && !seen.contains(*id)).collect();
            assert!(missing.is_empty(), "complete until {until}, without {missing:?}");
        }
        assert!(moments.len() > 5, "the moment moves: {moments:?}");
    }
}

/// A gate that records while it sends: each batch has some of what it holds, oldest first.
fn send_batches(app: &TestApp, token: &str, gate: usize, batches: usize) {
    let mut held: Vec<(DateTime<Utc>, Value)> = Vec::new();
    let mut number = gate * 1_000_000;
    for batch in 0..=batches {
        let is_last = batch == batches;
        for _ in 0..if is_last { 0 } else { 1 + batch % 5 } {
            number += 1;
            let now = Utc::now();
            let mut entry = entry(number);
            entry["occurred_at"] = json!(now.to_rfc3339());
            held.push((now, entry));
        }
        let sent = if is_last { held.len() } else { held.len().min(1 + batch % 4) };
        let as_of = Utc::now();
        let (sent, rest) = held.split_at(sent);
        let mut body = json!({
            "entries": sent.iter().map(|(_, entry)| entry).collect::<Vec<_>>(),
            "as_of": as_of.to_rfc3339(),
            "pending": rest.len(),
        });
        if let Some((oldest, _)) = rest.first() {
            body["oldest_pending"] = json!(oldest.to_rfc3339());
        }
        let rest = rest.to_vec();
        let answer = post(app, token, body);
        assert_eq!(answer.status, 200, "{answer:?}");
        held = rest;
    }
}
