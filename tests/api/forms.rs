//! Voiding and correcting by a form, as a page without script sends it.

use serde_json::{Value, json};

use crate::support::{Answer, StoreKind, TestApp, on_both_stores};

const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";
const OTHER: &str = "85844c14-bc2f-4249-8dc5-bd17377c5215";
const PAGE: &str = "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215";
const FORM: &str = "application/x-www-form-urlencoded";

fn start(store: StoreKind) -> TestApp {
    let app = TestApp::start(store);
    let entry = json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": "A", "person_ref": "7", "entry_id": ID});
    assert_eq!(app.post(entry).status, 201);
    app
}

/// Sends a form without following the answer's `Location`.
fn send(app: &TestApp, verb: &str, content_type: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "POST {PAGE}/{verb} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    Answer::from_raw(&app.raw(request.as_bytes()))
}

fn trail(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/table/entry/{id}")).json()
}

fn assert_goes_to_the_page(answer: &Answer) {
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.header("location"), Some(PAGE));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.body, "");
}

on_both_stores! {
    fn a_form_voids_an_entry_and_goes_to_its_page(store: StoreKind) {
        let app = start(store);
        let voided = send(&app, "void", FORM, "reason=posted+twice%2C+by+Jos%C3%A9&unknown=");
        assert_goes_to_the_page(&voided);
        assert_eq!(voided.header("idempotent-replayed"), None);
        let trail = trail(&app, ID);
        assert_eq!(trail["state"], "voided");
        assert_eq!(trail["history"][1]["reason"], "posted twice, by José");

        let again = send(&app, "void", "Application/X-WWW-Form-Urlencoded; charset=UTF-8", "reason=posted+twice,+by+Jos%C3%A9");
        assert_goes_to_the_page(&again);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        send(&app, "void", FORM, "reason=another").problem(409, "already_amended");
    }

    fn a_form_corrects_an_entry_and_an_empty_field_clears_what_can_be_cleared(store: StoreKind) {
        let app = start(store);
        let unchanged = "reason=none&firstname=Arvin&lastname=Cudanin&gate=A&person_ref=7&direction=in&occurred_at=&entry_id=";
        send(&app, "correct", FORM, unchanged).problem(400, "nothing_to_correct");
        let form = format!("reason=no+badge&lastname=Dela+Cruz&person_ref=&direction=&entry_id={OTHER}");
        assert_goes_to_the_page(&send(&app, "correct", FORM, &form));
        assert_eq!(trail(&app, ID)["state"], "replaced");
        let entry = trail(&app, OTHER)["entry"].clone();
        assert_eq!((&entry["firstname"], &entry["lastname"]), (&json!("Arvin"), &json!("Dela Cruz")));
        assert_eq!((&entry["gate"], &entry["person_ref"]), (&json!("A"), &Value::Null));
    }

    fn a_bad_form_is_a_problem_and_changes_nothing(store: StoreKind) {
        let app = start(store);
        for form in ["reason=%ff", "reason=%", "reason=a&reason=b"] {
            send(&app, "void", FORM, form).problem(400, "invalid_json");
        }
        for (verb, form, field) in [("void", "", "reason"), ("void", "reason=", "reason"), ("correct", "reason=x&firstname=", "firstname"), ("correct", "reason=x&occurred_at=2019-06-24T08:00", "occurred_at")] {
            let problem = send(&app, verb, FORM, form).problem(400, "invalid_entry");
            assert_eq!(problem["errors"][0]["field"], field, "{form}");
        }
        // What does not say that it is a form is JSON.
        send(&app, "void", "text/plain", "reason=twice").problem(400, "invalid_json");
        assert_eq!(trail(&app, ID)["state"], "stands");
    }

    fn json_with_the_type_of_a_form_is_json(store: StoreKind) {
        let app = start(store);
        let voided = send(&app, "void", FORM, r#"{"reason": "twice"}"#);
        assert_eq!((voided.status, voided.json()["state"].as_str()), (200, Some("voided")));
        assert_eq!(voided.header("content-type"), Some("application/json"));
        let body = json!({"reason": "back", "entry_id": OTHER}).to_string();
        let restored = send(&app, "correct", FORM, &body);
        assert_eq!((restored.status, restored.json()["entry_id"].as_str()), (201, Some(OTHER)));
    }
}
