//! `POST /table/create`: what is recorded, and what is rejected.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{Answer, StoreKind, TestApp, on_both_stores};

const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";

fn arvin() -> Value {
    json!({"firstname": "Arvin", "lastname": "Cudanin"})
}

/// Arvin with additional or replaced members.
fn arvin_with(members: Value) -> Value {
    let mut entry = arvin();
    entry.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    entry
}

/// The fields and codes of an `invalid_entry`.
#[track_caller]
fn errors(answer: &Answer) -> Vec<(String, String)> {
    let problem = answer.problem(400, "invalid_entry");
    let errors = problem["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| {
            assert!(!error["message"].as_str().unwrap().is_empty());
            (error["field"].as_str().unwrap().into(), error["code"].as_str().unwrap().into())
        })
        .collect()
}

fn owned(errors: &[(&str, &str)]) -> Vec<(String, String)> {
    errors.iter().map(|&(field, code)| (field.into(), code.into())).collect()
}

on_both_stores! {
    fn a_create_answers_201_with_the_stored_entrys_members_in_order(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T01:12:21.123456789Z");
        let answer = app.post(json!({
            "firstname": " Arvin ", "lastname": "Cudanin", "gate": "A", "entry_id": ID.to_uppercase(),
            "login": "ignored", "unknown": [1, {"a": 1}],
        }));
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.body, format!(
            r#"{{"id":1,"login":"2019-06-24T09:12:21.123456+08:00","firstname":"Arvin","lastname":"Cudanin","gate":"A","entry_id":"{ID}","received_at":"2019-06-24T01:12:21.123456Z","direction":"in","person_ref":null}}"#
        ));
        assert_eq!(app.sheet("20190624"), [answer.json()]);
    }

    fn the_two_names_are_enough(store: StoreKind) {
        let app = TestApp::start(store);
        let entry = app.post(arvin()).json();
        assert_eq!(entry["gate"], Value::Null);
        assert_eq!(entry["entry_id"].as_str().unwrap().as_bytes()[14], b'7', "a version 7 UUID");
        let instant = |member: &str| {
            chrono::DateTime::parse_from_rfc3339(entry[member].as_str().unwrap()).unwrap().to_utc()
        };
        assert_eq!(instant("login"), instant("received_at"));
    }

    fn the_content_type_does_not_matter(store: StoreKind) {
        let app = TestApp::start(store);
        for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded", "image/png", "nonsense"] {
            assert_eq!(app.post_with(&[("Content-Type", kind)], arvin()).status, 201, "{kind}");
        }
        // Rocket alone would use the form's field `_method` as the request's method.
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        app.post_with(&form, "_method=put&firstname=a").problem(400, "invalid_json");
        app.request("PUT", "/table/create", &form, "_method=delete").problem(405, "method_not_allowed");
    }

    fn names_of_every_script_are_returned_as_sent(store: StoreKind) {
        let app = TestApp::start(store);
        let names = ["Ng", "O", "O'Neil-Ünal", "عنز بن وائل", "李小龙", "José María", "👩‍🏭", "Ω", "a\u{200f}b", "𠮷", "x\"y\\z", "';--"];
        for name in names {
            let sent = json!({"firstname": name, "lastname": name, "gate": name});
            let entry = app.post(&sent).json();
            for member in ["firstname", "lastname", "gate"] {
                assert_eq!(entry[member], name);
            }
        }
        let sheet = app.sheet("today");
        assert_eq!(sheet.iter().map(|e| e["firstname"].as_str().unwrap()).collect::<Vec<_>>(), names);
    }

    fn lengths_are_counted_in_scalar_values_after_trimming(store: StoreKind) {
        let app = TestApp::start(store);
        let long = format!(" \u{3000}{}\n", "𠮷".repeat(100));
        assert_eq!(app.post(json!({"firstname": long, "lastname": long, "gate": long})).status, 201);
        let longer = "x".repeat(101);
        let answer = app.post(json!({"firstname": longer, "lastname": longer, "gate": longer}));
        assert_eq!(errors(&answer), owned(&[("firstname", "too_long"), ("lastname", "too_long"), ("gate", "too_long")]));
        let answer = app.post(json!({"firstname": "", "lastname": " \t\u{2003}", "gate": "\n"}));
        assert_eq!(errors(&answer), owned(&[("firstname", "empty"), ("lastname", "empty"), ("gate", "empty")]));
    }

    fn control_and_bidirectional_characters_are_rejected(store: StoreKind) {
        let app = TestApp::start(store);
        for c in ['\0', '\u{1}', '\t', '\n', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            let answer = app.post(json!({"firstname": format!("a{c}b"), "lastname": "x"}));
            assert_eq!(errors(&answer), owned(&[("firstname", "forbidden_character")]), "{c:?}");
        }
        assert_eq!(app.sheet("today"), [] as [Value; 0]);
    }

    fn all_invalid_fields_are_reported_at_once(store: StoreKind) {
        let app = TestApp::start(store);
        let answer = app.post_with(
            &[("Idempotency-Key", "nonsense")],
            json!({"firstname": 5, "gate": {}, "entry_id": "no", "occurred_at": true}),
        );
        let expected = [
            ("firstname", "wrong_type"), ("lastname", "required"), ("gate", "wrong_type"),
            ("entry_id", "invalid_uuid"), ("Idempotency-Key", "invalid_uuid"), ("occurred_at", "wrong_type"),
        ];
        assert_eq!(errors(&answer), owned(&expected));
    }

    fn null_means_absent(store: StoreKind) {
        let app = TestApp::start(store);
        let nulls = json!({"gate": null, "entry_id": null, "occurred_at": null});
        assert_eq!(app.post(arvin_with(nulls)).status, 201);
        let answer = app.post(arvin_with(json!({"lastname": null})));
        assert_eq!(errors(&answer), owned(&[("lastname", "required")]));
    }

    fn a_body_that_is_not_one_json_object_is_invalid_json(store: StoreKind) {
        let app = TestApp::start(store);
        for body in [
            "", " ", "[]", "[1]", "5", "null", "\"x\"", "{", "{}{}", "{'a': 1}", "\u{feff}{}", "firstname=Arvin",
            r#"["Arvin", "Cudanin"]"#, r#"{"firstname": "a", "firstname": "a", "lastname": "b"}"#,
            r#"{"login": 1, "login": 2, "firstname": "a", "lastname": "b"}"#,
            r#"{"firstname": "\ud800", "lastname": "b"}"#, r#"{"firstname": "a", "lastname": "b",}"#,
        ] {
            app.post(body).problem(400, "invalid_json");
        }
        let latin1 = b"POST /table/create HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 39\r\n\r\n{\"firstname\": \"Jos\xe9\", \"lastname\": \"Cruz\"}";
        Answer::from_raw(&app.raw(latin1)).problem(400, "invalid_json");
        assert_eq!(app.sheet("today"), [] as [Value; 0]);
    }

    fn an_unknown_member_may_be_nested_deeply(store: StoreKind) {
        let app = TestApp::start(store);
        let (open, close) = ("[".repeat(5_000), "]".repeat(5_000));
        let body = format!(r#"{{"firstname": "a", "lastname": "b", "unknown": {open}{close}}}"#);
        let answer = app.post(body);
        assert_eq!(answer.status, 201, "{answer:?}");
        app.post(format!(r#"{{"firstname": {open}{close}, "lastname": "b"}}"#)).problem(400, "invalid_entry");
        app.post(format!(r#"{{"firstname": "a", "lastname": "b", "unknown": {open}}}"#)).problem(400, "invalid_json");
        assert_eq!(app.sheet("today"), [answer.json()]);
    }

    fn a_body_has_at_most_16_kibibytes(store: StoreKind) {
        let app = TestApp::start(store);
        let body = |length: usize| {
            let start = r#"{"firstname": "Arvin", "lastname": "Cudanin", "padding": ""#;
            format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
        };
        assert_eq!(app.post(body(16 * 1024)).status, 201);
        app.post(body(16 * 1024 + 1)).problem(413, "body_too_large");
        app.post("x".repeat(2_000_000)).problem(413, "body_too_large");
        let chunked = format!(
            "POST /table/create HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n{}\r\n0\r\n\r\n",
            "x".repeat(0x5000)
        );
        Answer::from_raw(&app.raw(chunked.as_bytes())).problem(413, "body_too_large");
        assert_eq!(app.sheet("today").len(), 1);
    }

    fn occurred_at_becomes_the_login_with_the_sites_offset(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2026-09-21T12:00:00Z");
        for (sent, login) in [
            ("2026-09-20T22:11:47.750Z", "2026-09-21T06:11:47.750000+08:00"),
            ("2026-09-21t06:11:47.1234567890123+08:00", "2026-09-21T06:11:47.123456+08:00"),
            ("0001-01-01T00:00:00z", "0001-01-01T00:00:00.000000+00:00"),
            ("1890-05-05T12:00:00-00:00", "1890-05-05T20:04:00.000000+08:04"),
            ("9999-12-31T15:59:59.999999Z", "9999-12-31T23:59:59.999999+08:00"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
        ] {
            let answer = app.post(arvin_with(json!({"occurred_at": sent})));
            assert_eq!(answer.status, 201, "{answer:?}");
            assert_eq!(answer.json()["login"], login, "{sent}");
            assert_eq!(answer.json()["received_at"], "2026-09-21T12:00:00.000000Z");
        }
    }

    fn a_time_that_is_not_strictly_rfc_3339_is_rejected(store: StoreKind) {
        let app = TestApp::start(store);
        for moment in [
            "", "now", "2026-09-21", "2026-09-21T06:11:47", "2026-09-21T06:11+08:00", "2026-09-21T06:11:47+0800",
            "2026-09-21 06:11:47Z", "2026-09-21T06:11:60Z", "2026-09-21T24:00:00Z", "2026-02-29T06:11:47Z",
            "2026-09-21T06:11:47+24:00", " 2026-09-21T06:11:47Z", "1790000000",
        ] {
            let answer = app.post(arvin_with(json!({"occurred_at": moment})));
            assert_eq!(errors(&answer), owned(&[("occurred_at", "invalid_time")]), "{moment:?}");
        }
        for moment in ["0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"] {
            let answer = app.post(arvin_with(json!({"occurred_at": moment})));
            assert_eq!(errors(&answer), owned(&[("occurred_at", "out_of_range")]), "{moment:?}");
        }
    }

    fn ids_only_grow(store: StoreKind) {
        let app = TestApp::start(store);
        let first = app.post(arvin()).json()["id"].as_i64().unwrap();
        let second = app.post(arvin()).json()["id"].as_i64().unwrap();
        app.store.sql("DELETE FROM attendance");
        let third = app.post(arvin()).json()["id"].as_i64().unwrap();
        assert!(first < second && second < third, "{first} {second} {third}");
    }

    fn a_day_of_five_hundred_entries_is_on_its_sheet_in_order(store: StoreKind) {
        let app = TestApp::start(store);
        let sent: Vec<Value> = (0..500).map(scan).collect();
        let stored: Vec<Value> = sent.iter().map(|entry| {
            let answer = app.post(entry);
            assert_eq!(answer.status, 201, "{answer:?}");
            answer.json()
        }).collect();
        assert_eq!(app.sheet("20260921"), stored);

        for (stored, sent) in stored.iter().zip(&sent) {
            for member in ["firstname", "lastname", "gate"] {
                // An absent gate is stored as null.
                assert_eq!(stored[member], sent[member], "{sent}");
            }
            let occurred_at = sent["occurred_at"].as_str().unwrap();
            let login = occurred_at.replace("+08:00", "000+08:00");
            assert_eq!(stored["login"], login, "{sent}");
            if let Some(entry_id) = sent.get("entry_id") {
                assert_eq!(&stored["entry_id"], entry_id);
            }
        }
        let ids: Vec<_> = stored.iter().map(|entry| entry["id"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
        let entry_ids: HashSet<_> = stored.iter().map(|entry| entry["entry_id"].as_str()).collect();
        assert_eq!(entry_ids.len(), stored.len());
    }
}

/// The body number `n` of a day: names in several scripts, some without a gate, some without an
/// `entry_id`.
fn scan(n: usize) -> Value {
    let mut entry = json!({
        "firstname": (["William", "منيع", "小龙", "Zoë"][n % 4]),
        "lastname": format!("Benson {n}"),
        "occurred_at": format!("2026-09-21T{:02}:{:02}:47.{n:03}+08:00", 6 + n / 60, n % 60),
    });
    if n.is_multiple_of(3) {
        entry["gate"] = "North".into();
    }
    if !n.is_multiple_of(5) {
        entry["entry_id"] = format!("95844c14-bc2f-4249-8dc5-{n:012x}").into();
    }
    entry
}
