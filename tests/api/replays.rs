//! Retries: one `entry_id`, one entry, however often it is sent.

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

    fn other_content_under_the_same_id_is_422(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T01:12:21.123456Z");
        let first = app.post(entry()).json();
        for other in [
            with("firstname", "arvin"), with("lastname", "Cudani"), with("gate", "B"), with("gate", Value::Null),
            // The gate named no moment the first time: the login that it was given is none.
            with("occurred_at", first["login"].clone()),
        ] {
            app.post(other).problem(422, "entry_id_reused");
        }
        assert_eq!(app.sheet("20190624"), [first]);
    }

    fn the_moment_counts_as_an_instant(store: StoreKind) {
        let app = TestApp::start(store);
        assert_eq!(app.post(with("occurred_at", "2019-06-24T09:12:21.5+08:00")).status, 201);
        for same in ["2019-06-24T01:12:21.5Z", "2019-06-24t01:12:21.5000009z"] {
            assert_eq!(app.post(with("occurred_at", same)).status, 200);
        }
        app.post(with("occurred_at", "2019-06-24T01:12:21.500001Z")).problem(422, "entry_id_reused");
        app.post(entry()).problem(422, "entry_id_reused");
    }

    fn a_moment_that_is_the_servers_own_is_still_a_moment(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T01:12:21.123456Z");
        let named = with("occurred_at", "2019-06-24T01:12:21.123456Z");
        assert_eq!(app.post(&named).status, 201);
        assert_eq!(app.post(&named).status, 200);
        app.post(entry()).problem(422, "entry_id_reused");
    }

    fn the_header_names_the_entry_as_the_body_does(store: StoreKind) {
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
    }

    fn failures_are_never_remembered(store: StoreKind) {
        let app = TestApp::start(store);
        app.post(with("firstname", "")).problem(400, "invalid_entry");
        assert_eq!(app.post(entry()).status, 201);
    }

    fn two_at_once_make_one_entry(store: StoreKind) {
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

    fn of_two_at_once_with_other_content_one_is_refused(store: StoreKind) {
        let app = TestApp::start(store);
        let mut statuses: Vec<_> = std::thread::scope(|scope| {
            let app = &app;
            let post = |gate| scope.spawn(move || app.post(with("gate", gate)).status);
            let posts = ["A", "B"].map(post);
            posts.into_iter().map(|post| post.join().unwrap()).collect()
        });
        statuses.sort();
        assert_eq!(statuses, [201, 422]);
    }
}
