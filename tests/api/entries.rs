//! `POST /table/create`: what is recorded, and what is refused.

use serde_json::{Value, json};

use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, on_both_stores};

const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";

fn arvin() -> Value {
    json!({"firstname": "Arvin", "lastname": "Cudanin"})
}

/// Arvin with some members more, or others.
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
    fn a_create_answers_201_with_the_stored_entry_in_the_contracts_order(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T01:12:21.123456789Z");
        let answer = app.post(json!({
            "firstname": " Arvin ", "lastname": "Cudanin", "gate": "A", "entry_id": ID.to_uppercase(),
            "login": "ignored", "unknown": [1, {"a": 1}],
        }));
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.body, format!(
            r#"{{"id":1,"login":"2019-06-24T09:12:21.123456+08:00","firstname":"Arvin","lastname":"Cudanin","gate":"A","entry_id":"{ID}","received_at":"2019-06-24T01:12:21.123456Z"}}"#
        ));
        assert_eq!(app.sheet("20190624"), [answer.json()]);
    }

    fn the_demos_two_members_are_enough(store: StoreKind) {
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
        // Rocket would take this form's word for another method.
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        app.post_with(&form, "_method=put&firstname=a").problem(400, "invalid_json");
        app.request("PUT", "/table/create", &form, "_method=delete").problem(405, "method_not_allowed");
    }

    fn names_of_every_script_come_back_as_they_were_sent(store: StoreKind) {
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

    fn lengths_count_scalar_values_after_trimming(store: StoreKind) {
        let app = TestApp::start(store);
        let long = format!(" \u{3000}{}\n", "𠮷".repeat(100));
        assert_eq!(app.post(json!({"firstname": long, "lastname": long, "gate": long})).status, 201);
        let longer = "x".repeat(101);
        let answer = app.post(json!({"firstname": longer, "lastname": longer, "gate": longer}));
        assert_eq!(errors(&answer), owned(&[("firstname", "too_long"), ("lastname", "too_long"), ("gate", "too_long")]));
        let answer = app.post(json!({"firstname": "", "lastname": " \t\u{2003}", "gate": "\n"}));
        assert_eq!(errors(&answer), owned(&[("firstname", "empty"), ("lastname", "empty"), ("gate", "empty")]));
    }

    fn characters_that_make_a_sheet_lie_are_refused(store: StoreKind) {
        let app = TestApp::start(store);
        for c in ['\0', '\u{1}', '\t', '\n', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            let answer = app.post(json!({"firstname": format!("a{c}b"), "lastname": "x"}));
            assert_eq!(errors(&answer), owned(&[("firstname", "forbidden_character")]), "{c:?}");
        }
        assert_eq!(app.sheet("today"), [] as [Value; 0]);
    }

    fn every_bad_field_is_named_at_once(store: StoreKind) {
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

    fn null_is_absent_for_what_is_optional_and_missing_for_what_is_not(store: StoreKind) {
        let app = TestApp::start(store);
        let nulls = json!({"gate": null, "entry_id": null, "occurred_at": null});
        assert_eq!(app.post(arvin_with(nulls)).status, 201);
        let answer = app.post(arvin_with(json!({"lastname": null})));
        assert_eq!(errors(&answer), owned(&[("lastname", "required")]));
    }

    fn what_is_not_one_json_object_is_invalid_json(store: StoreKind) {
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
        let nested = format!(r#"{{"firstname": "a", "lastname": "b", "deep": {}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
        assert!([201, 400].contains(&app.post(nested).status));
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
        let answer = app.raw(chunked.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert_eq!(app.sheet("today").len(), 1);
    }

    fn occurred_at_is_the_login_at_the_sites_offset(store: StoreKind) {
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

    fn what_is_not_strictly_rfc_3339_is_refused(store: StoreKind) {
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
        assert!(first < second && second < third);
    }
}

/// The real day's scans: every script, some without a gate, some without an `entry_id`.
#[test]
fn a_day_of_five_hundred_scans_is_on_its_sheet_in_order() {
    for store in [StoreKind::Postgres, StoreKind::Embedded] {
        let app = TestApp::with(Fresh::migrated(store), Options::default());
        let scans: Vec<Value> = (0..500)
            .map(|n| {
                let firstname = ["William", "منيع", "小龙", "Zoë"][n % 4];
            let mut scan = json!({
                    "firstname": firstname,
                    "lastname": format!("Benson {n}"),
                    "occurred_at": format!("2026-09-21T{:02}:{:02}:47.{n:03}+08:00", 6 + n / 60, n % 60),
                });
                if n % 3 == 0 {
                    scan["gate"] = "North".into();
                }
                scan
            })
            .collect();
        for scan in &scans {
            assert_eq!(app.post(scan).status, 201);
        }
        let sheet = app.sheet("20260921");
        assert_eq!(sheet.len(), scans.len());
        for (held, sent) in sheet.iter().zip(&scans) {
            assert_eq!(
                (&held["firstname"], &held["lastname"], &held["gate"]),
                (&sent["firstname"], &sent["lastname"], &sent["gate"])
            );
        }
        assert!(sheet.is_sorted_by_key(|entry| entry["id"].as_i64()));
    }
}
