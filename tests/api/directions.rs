//! The members `direction` and `person_ref` of an entry.

use serde_json::{Value, json};

use crate::support::{Fresh, Options, StoreKind, TestApp, on_both_stores};

const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";

fn with(direction: impl Into<Value>, person_ref: impl Into<Value>) -> Value {
    json!({"firstname": "Arvin", "lastname": "Cudanin", "entry_id": ID,
        "direction": direction.into(), "person_ref": person_ref.into()})
}

on_both_stores! {
    fn they_are_stored_and_shown(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = app.post(with("out", "  B-17 "));
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(answer.body.ends_with(r#"Z","direction":"out","person_ref":"B-17"}"#), "{answer:?}");
        let plain = app.post(json!({"firstname": "a", "lastname": "b", "direction": null})).json();
        assert_eq!((&plain["direction"], &plain["person_ref"]), (&json!("in"), &Value::Null));
        assert_eq!(app.sheet("today"), [answer.json(), plain]);
    }

    fn they_are_part_of_the_content(store: StoreKind) {
        let app = TestApp::start(store);
        assert_eq!(app.post(with("out", "B-17")).status, 201);
        assert_eq!(app.post(with("out", " B-17")).status, 200);
        for other in [with("in", "B-17"), with(Value::Null, "B-17"), with("out", "B-18"), with("out", Value::Null)] {
            app.post(other).problem(422, "entry_id_reused");
        }
    }

    fn invalid_ones_are_reported_together(store: StoreKind) {
        let app = TestApp::start(store);
        for (direction, person_ref, expected) in [
            (json!("IN"), json!(""), [("direction", "invalid_direction"), ("person_ref", "empty")]),
            (json!(""), json!("x".repeat(101)), [("direction", "invalid_direction"), ("person_ref", "too_long")]),
            (json!(1), json!(4711), [("direction", "wrong_type"), ("person_ref", "wrong_type")]),
        ] {
            let problem = app.post(with(direction, person_ref)).problem(400, "invalid_entry");
            let errors = problem["errors"].as_array().unwrap().iter();
            let errors: Vec<_> = errors.map(|e| (e["field"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
            assert_eq!(errors, expected);
        }
        assert_eq!(app.count_rows(), 0);
    }

    // The statements of release 0.1.0, which runs on during a rolling update.
    fn rows_of_the_release_before_are_entries_in(store: StoreKind) {
        let app = TestApp::with(Fresh::migrated(store), Options::default());
        let moment = match store {
            StoreKind::Postgres => "now(), now()",
            StoreKind::Embedded => "unixepoch() * 1000000, unixepoch() * 1000000",
        };
        app.store.sql(&format!(
            "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate) \
             VALUES ('{ID}', {moment}, 'Cudanin', 'Arvin', NULL); \
             SELECT id, entry_id, login, received_at, lastname, firstname, gate FROM attendance"
        ));
        let sheet = app.sheet("today");
        assert_eq!((&sheet[0]["direction"], &sheet[0]["person_ref"]), (&json!("in"), &Value::Null));
        assert_eq!(sheet.len(), 1);
    }
}
