//! Voiding and correcting entries: nothing is edited in place, and every step can be read.

use serde_json::{Value, json};

use crate::support::{Answer, StoreKind, TestApp, on_both_stores};

const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";
const OTHER: &str = "85844c14-bc2f-4249-8dc5-bd17377c5215";
const THIRD: &str = "75844c14-bc2f-4249-8dc5-bd17377c5215";

fn arvin() -> Value {
    json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": "A", "person_ref": "7", "entry_id": ID})
}

fn start(store: StoreKind) -> TestApp {
    let app = TestApp::start(store);
    app.set_now("2019-06-24T01:12:21.123456Z");
    assert_eq!(app.post(arvin()).status, 201);
    app.set_now("2019-06-24T02:00:00Z");
    app
}

fn void(app: &TestApp, id: &str, reason: &str) -> Answer {
    let body = json!({"reason": reason}).to_string();
    app.request("POST", &format!("/table/entry/{id}/void"), &[], &body)
}

fn correct(app: &TestApp, id: &str, body: Value) -> Answer {
    app.request("POST", &format!("/table/entry/{id}/correct"), &[], &body.to_string())
}

fn trail(app: &TestApp, id: &str) -> Value {
    let answer = app.get(&format!("/table/entry/{id}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

on_both_stores! {
    fn an_entry_stands_until_it_is_voided(store: StoreKind) {
        let app = start(store);
        let entry = &app.sheet("20190624")[0];
        let created = json!({"change": 1, "kind": "created", "at": "2019-06-24T01:12:21.123456Z", "entry": entry});
        let standing = app.get(&format!("/table/entry/{}", ID.to_uppercase()));
        assert_eq!(standing.body, format!(r#"{{"entry":{},"state":"stands","replaces":null,"history":[{{"change":1,"kind":"created","at":"2019-06-24T01:12:21.123456Z","entry":{}}}]}}"#, bare(&app), bare(&app)));
        assert_eq!(standing.header("cache-control"), Some("no-store"));

        let voided = void(&app, ID, "  posted twice ");
        assert_eq!((voided.status, is_replay(&voided)), (200, false), "{voided:?}");
        assert_eq!(voided.json(), json!({
            "entry": entry, "state": "voided", "replaces": null, "history": [created, {
                "change": 2, "kind": "voided", "at": "2019-06-24T02:00:00.000000Z", "entry_id": ID,
                "reason": "posted twice", "by": null,
            }],
        }));
        assert_eq!(trail(&app, ID), voided.json());
        assert!(app.sheet("20190624").is_empty());
        assert_eq!(app.count_rows(), 1, "the row is still there");
    }

    fn the_same_reason_again_is_a_replay_and_another_one_a_conflict(store: StoreKind) {
        let app = start(store);
        let first = void(&app, ID, "posted twice");
        let again = void(&app, ID, "posted twice\n");
        assert_eq!((again.status, is_replay(&again)), (200, true));
        assert_eq!(again.body, first.body);
        void(&app, ID, "Posted twice").problem(409, "already_amended");
        assert_eq!(correct(&app, ID, json!({"reason": "it was right", "entry_id": OTHER})).status, 201);
        let since = void(&app, ID, "posted twice");
        assert_eq!((since.status, is_replay(&since)), (200, true));
        assert_eq!(since.json()["state"], "replaced");
        void(&app, ID, "never").problem(409, "already_amended");
    }

    fn a_correction_makes_an_entry_in_place_of_the_old_one(store: StoreKind) {
        let app = start(store);
        let old = app.sheet("20190624").remove(0);
        let answer = correct(&app, ID, json!({
            "reason": "misspelt", "entry_id": OTHER, "lastname": " Cudanín ", "gate": null, "direction": "out",
        }));
        assert_eq!((answer.status, is_replay(&answer)), (201, false), "{answer:?}");
        let new = answer.json();
        assert_eq!(new, json!({
            "id": 2, "login": old["login"], "firstname": "Arvin", "lastname": "Cudanín", "gate": null, "entry_id": OTHER,
            "received_at": "2019-06-24T02:00:00.000000Z", "direction": "out", "person_ref": "7",
        }));
        assert_eq!(app.sheet("20190624"), std::slice::from_ref(&new));
        let history = json!([
            {"change": 1, "kind": "created", "at": old["received_at"], "entry": old},
            {"change": 2, "kind": "created", "at": new["received_at"], "entry": new},
            {"change": 3, "kind": "replaced", "at": "2019-06-24T02:00:00.000000Z", "entry_id": ID, "replacement": OTHER, "reason": "misspelt", "by": null},
        ]);
        assert_eq!(trail(&app, ID), json!({"entry": old, "state": "replaced", "replaces": null, "history": history}));
        assert_eq!(trail(&app, OTHER), json!({"entry": new, "state": "stands", "replaces": ID, "history": history}));
        assert_eq!(app.post(json!({"firstname": "a", "lastname": "b"})).json()["id"], 4, "one sequence for all changes");
    }

    fn a_replaced_entry_is_final_and_its_replacement_an_entry_like_any_other(store: StoreKind) {
        let app = start(store);
        assert_eq!(correct(&app, ID, json!({"reason": "one", "gate": "B", "entry_id": OTHER})).status, 201);
        void(&app, ID, "x").problem(409, "already_amended");
        correct(&app, ID, json!({"reason": "x", "gate": "C"})).problem(409, "already_amended");
        assert_eq!(void(&app, OTHER, "two").status, 200);
        // A voided entry is restored by a correction that changes nothing.
        assert_eq!(correct(&app, OTHER, json!({"reason": "three", "entry_id": THIRD})).status, 201);
        let kinds = |id| {
            let history = trail(&app, id)["history"].as_array().unwrap().clone();
            history.iter().map(|change| change["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        for id in [ID, OTHER, THIRD] {
            assert_eq!(kinds(id), "created created replaced voided created replaced");
        }
        assert_eq!(trail(&app, THIRD)["replaces"], OTHER);
        assert_eq!(app.sheet("20190624").len(), 1);
    }

    fn the_same_correction_again_is_a_replay(store: StoreKind) {
        let app = start(store);
        let body = json!({"reason": "gate", "gate": "B", "entry_id": OTHER});
        let first = correct(&app, ID, body.clone());
        assert_eq!(first.status, 201);
        let quoted = format!("\"{OTHER}\"");
        let path = format!("/table/entry/{ID}/correct");
        let by_header = json!({"reason": "gate ", "gate": " B", "person_ref": "7"}).to_string();
        for again in [correct(&app, ID, body.clone()), app.request("POST", &path, &[("Idempotency-Key", &quoted)], &by_header)] {
            assert_eq!((again.status, is_replay(&again)), (200, true), "{again:?}");
            assert_eq!(again.body, first.body);
        }
        assert_eq!(void(&app, OTHER, "no").status, 200);
        assert_eq!(correct(&app, ID, body).status, 200, "even if it was amended since");
        for other in [
            json!({"reason": "other", "gate": "B", "entry_id": OTHER}), json!({"reason": "gate", "gate": "C", "entry_id": OTHER}),
            json!({"reason": "gate", "gate": "B", "entry_id": ID}),
        ] {
            correct(&app, ID, other).problem(422, "entry_id_reused");
        }
        correct(&app, OTHER, json!({"reason": "gate", "gate": "B", "entry_id": OTHER})).problem(422, "entry_id_reused");
        // A create with its entry_id is a replay if it says the same. Its moment was not the server's.
        let mut create = arvin();
        (create["entry_id"], create["gate"]) = (json!(OTHER), json!("B"));
        app.post(&create).problem(422, "entry_id_reused");
        create["occurred_at"] = first.json()["login"].clone();
        assert_eq!(app.post(&create).status, 200);
    }

    fn a_correction_that_changes_nothing_is_refused(store: StoreKind) {
        let app = start(store);
        for same in [
            json!({"reason": "x"}), json!({"reason": "x", "firstname": "Arvin ", "gate": "A", "direction": "in"}),
            json!({"reason": "x", "occurred_at": "2019-06-24T09:12:21.123456+08:00", "entry_id": null}),
        ] {
            correct(&app, ID, same).problem(400, "nothing_to_correct");
        }
        let moved = correct(&app, ID, json!({"reason": "x", "occurred_at": "2019-06-23T09:12:21+08:00"})).json();
        assert_eq!(moved["login"], "2019-06-23T09:12:21.000000+08:00");
        assert_eq!((app.sheet("20190624").len(), app.sheet("20190623")), (0, vec![moved]));
    }

    fn invalid_bodies_name_every_field(store: StoreKind) {
        let app = start(store);
        let fields = |answer: Answer| {
            let problem = answer.problem(400, "invalid_entry");
            let errors = problem["errors"].as_array().unwrap().iter();
            errors.map(|e| format!("{} {}", e["field"].as_str().unwrap(), e["code"].as_str().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(fields(void(&app, ID, " ")), ["reason empty"]);
        assert_eq!(fields(void(&app, ID, &"x".repeat(501))), ["reason too_long"]);
        assert_eq!(fields(correct(&app, ID, json!({"reason": null, "entry_id": "x", "firstname": null, "lastname": "", "gate": 5,
            "direction": null, "person_ref": "\u{7}", "occurred_at": null}))), [
            "reason required", "entry_id invalid_uuid", "firstname wrong_type", "lastname empty", "gate wrong_type",
            "direction wrong_type", "person_ref forbidden_character", "occurred_at wrong_type",
        ]);
        for path in ["void", "correct"] {
            app.request("POST", &format!("/table/entry/{ID}/{path}"), &[], "[]").problem(400, "invalid_json");
        }
        assert_eq!(trail(&app, ID)["state"], "stands");
    }

    fn an_unknown_entry_is_404_and_a_wrong_method_405(store: StoreKind) {
        let app = start(store);
        for id in [OTHER, "7", "95844c14bc2f42498dc5bd17377c5215", "{95844c14-bc2f-4249-8dc5-bd17377c5215}", "%41"] {
            app.get(&format!("/table/entry/{id}")).problem(404, "not_found");
            void(&app, id, "x").problem(404, "not_found");
            correct(&app, id, json!({"reason": "x", "gate": "B"})).problem(404, "not_found");
        }
        // The body is checked before the store is asked, and after the path.
        void(&app, OTHER, "").problem(400, "invalid_entry");
        void(&app, "7", "").problem(404, "not_found");
        app.get("/table/entry/%zz").problem(400, "bad_request");
        // Only the form for recording by hand is sent there.
        app.get("/table/entry").problem(405, "method_not_allowed");
        let allow = |method, path: &str| {
            let answer = app.request(method, path, &[], "");
            answer.problem(405, "method_not_allowed");
            answer.header("allow").map(str::to_owned)
        };
        assert_eq!(allow("DELETE", &format!("/table/entry/{ID}")).as_deref(), Some("GET, HEAD"));
        assert_eq!(allow("GET", &format!("/table/entry/{ID}/void")).as_deref(), Some("POST"));
        assert_eq!(app.request("HEAD", &format!("/table/entry/{ID}"), &[], "").status, 200);
    }

    fn of_different_amendments_at_once_one_wins(store: StoreKind) {
        let app = start(store);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let app = &app;
            let requests: Vec<_> = (0..12).map(|n| scope.spawn(move || match n % 2 {
                0 => correct(app, ID, json!({"reason": "gate", "gate": format!("B{n}")})),
                _ => correct(app, ID, json!({"reason": format!("name {n}"), "lastname": "Smith"})),
            })).collect();
            requests.into_iter().map(|request| request.join().unwrap()).collect()
        });
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(409)), (1, 11), "{answers:?}");
        assert_eq!((app.sheet("20190624").len(), app.count_rows()), (1, 2), "a refused correction leaves no entry");
    }

    fn equal_amendments_at_once_are_one(store: StoreKind) {
        let app = start(store);
        let send = |n: usize| match n {
            0 => void(&app, ID, "twice"),
            _ => correct(&app, ID, json!({"reason": "gate", "gate": "B", "entry_id": OTHER})),
        };
        for (n, first) in [(0, 200), (1, 201)] {
            let answers: Vec<_> = std::thread::scope(|scope| {
                let requests: Vec<_> = (0..8).map(|_| scope.spawn(|| send(n))).collect();
                requests.into_iter().map(|request| request.join().unwrap()).collect()
            });
            let new: Vec<_> = answers.iter().filter(|answer| !is_replay(answer)).map(|answer| answer.status).collect();
            assert_eq!(new, [first], "{answers:?}");
            assert!(answers.iter().all(|answer| answer.body == answers[0].body && answer.status <= 201), "{answers:?}");
        }
        assert_eq!(trail(&app, ID)["history"].as_array().unwrap().len(), 4);
    }
}

/// The JSON of the entry that [`start`] records.
fn bare(app: &TestApp) -> String {
    let sheet = app.get("/table/view/date:20190624").body;
    sheet[1..sheet.len() - 1].to_owned()
}
