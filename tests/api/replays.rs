//! Retries: an entry is recorded once, however often its `entry_id` is sent.

use serde_json::{Value, json};

use crate::support::{StoreKind, TestApp, on_both_stores};

const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";

fn entry() -> Value {
    json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": "A", "entry_id": ID})
}

fn with(member: &str, value: impl Into<Value>) -> Value {
    let mut entry = entry();
    entry[member] = value.into();
    entry
}

on_both_stores! {
    fn the_same_content_answers_200_with_the_stored_entry(store: StoreKind) {
        let app = TestApp::start(store);
        let first = app.post(entry());
        assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
        for again in [entry(), with("firstname", "  Arvin\n"), with("entry_id", ID.to_uppercase()), with("unknown", 1)] {
            let answer = app.post(again);
            assert_eq!((answer.status, answer.header("idempotent-replayed")), (200, Some("true")));
            assert_eq!(answer.body, first.body);
        }
        assert_eq!(app.sheet("today").len(), 1);
    }

    fn other_content_with_the_same_entry_id_is_422(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T01:12:21.123456Z");
        let first = app.post(entry()).json();
        for other in [
            with("firstname", "arvin"), with("lastname", "Cudani"), with("gate", "B"), with("gate", Value::Null),
            // The first body had no `occurred_at`: a login that the server chose does not count as one.
            with("occurred_at", first["login"].clone()),
        ] {
            app.post(other).problem(422, "entry_id_reused");
        }
        assert_eq!(app.sheet("20190624"), [first]);
    }

    fn occurred_at_is_compared_as_an_instant(store: StoreKind) {
        let app = TestApp::start(store);
        assert_eq!(app.post(with("occurred_at", "2019-06-24T09:12:21.5+08:00")).status, 201);
        for same in ["2019-06-24T01:12:21.5Z", "2019-06-24t01:12:21.5000009z"] {
            assert_eq!(app.post(with("occurred_at", same)).status, 200);
        }
        app.post(with("occurred_at", "2019-06-24T01:12:21.500001Z")).problem(422, "entry_id_reused");
        app.post(entry()).problem(422, "entry_id_reused");
    }

    fn an_occurred_at_equal_to_the_servers_clock_is_not_the_same_as_none(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T01:12:21.123456Z");
        let named = with("occurred_at", "2019-06-24T01:12:21.123456Z");
        assert_eq!(app.post(&named).status, 201);
        assert_eq!(app.post(&named).status, 200);
        app.post(entry()).problem(422, "entry_id_reused");
    }

    fn the_idempotency_key_header_is_the_same_as_entry_id(store: StoreKind) {
        let app = TestApp::start(store);
        let bare = json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": "A"});
        let quoted = format!("\"{ID}\"");
        assert_eq!(app.post_with(&[("Idempotency-Key", &quoted)], &bare).status, 201);
        assert_eq!(app.post_with(&[("idempotency-key", ID)], &bare).status, 200);
        assert_eq!(app.post_with(&[("Idempotency-Key", ID)], entry()).status, 200);
        let other = ID.replace('9', "8");
        for (keys, body) in [
            (vec![other.as_str()], entry()), (vec![""], bare.clone()), (vec!["\""], bare.clone()),
            (vec![ID, ID], bare.clone()), (vec!["95844c14bc2f42498dc5bd17377c5215"], bare.clone()),
        ] {
            let headers: Vec<_> = keys.iter().map(|key| ("Idempotency-Key", *key)).collect();
            let problem = app.post_with(&headers, body).problem(400, "invalid_entry");
            assert_eq!(problem["errors"][0]["field"], "Idempotency-Key", "{keys:?}");
        }
        assert_eq!(app.sheet("today").len(), 1);
    }

    fn a_rejected_body_does_not_use_up_its_entry_id(store: StoreKind) {
        let app = TestApp::start(store);
        app.post(with("firstname", "")).problem(400, "invalid_entry");
        assert_eq!(app.post(entry()).status, 201);
    }

    fn sixteen_parallel_requests_record_one_entry(store: StoreKind) {
        let app = TestApp::start(store);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let posts: Vec<_> = (0..16).map(|_| scope.spawn(|| app.post(entry()))).collect();
            posts.into_iter().map(|post| post.join().unwrap()).collect()
        });
        let created = answers.iter().filter(|answer| answer.status == 201).count();
        let replayed = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!((created, replayed), (1, 15));
        assert!(answers.iter().all(|answer| answer.body == answers[0].body));
        assert_eq!(app.sheet("today").len(), 1);
    }

    fn of_two_parallel_requests_with_different_content_one_is_rejected(store: StoreKind) {
        let app = TestApp::start(store);
        let mut answers = std::thread::scope(|scope| {
            let app = &app;
            let post = |gate| scope.spawn(move || app.post(with("gate", gate)));
            ["A", "B"].map(post).map(|post| post.join().unwrap())
        });
        answers.sort_by_key(|answer| answer.status);
        assert_eq!(answers[0].status, 201, "{answers:?}");
        answers[1].problem(422, "entry_id_reused");
        assert_eq!(app.sheet("today"), [answers[0].json()]);
    }
}
