//! What must not be in a log, whatever the log level: the database password and people's names.

use std::time::Duration;

use serde_json::{Value, json};

use crate::connection::{Connection, get, post};
use crate::support::process::Environment;
use crate::support::{Answer, Cluster, Fresh, Process, StoreKind, on_both_stores};

const PASSWORD: &str = "hunter2";
const NAME: &str = "Zwicklbauer";

/// Starts the service with the log level `trace`.
fn serve(environment: &Environment) -> Process {
    Process::serve(&[environment, &[("ROLLCALL_LOG", "trace".to_owned())]].concat())
}

/// The same with [`PASSWORD`].
fn serve_with_password(environment: &Environment) -> Process {
    serve(&[environment, &[("DATABASE_PASSWORD", PASSWORD.to_owned())]].concat())
}

/// Stops the service and asserts that `secret` is nowhere in its log. Also asserts that the log is
/// complete, or the test would pass for an empty one: it goes from the start to the end, and each
/// of `answers` has its line, one more with the cause if the store was the reason of an error.
#[track_caller]
fn assert_log_lacks(mut service: Process, secret: &str, answers: &[Answer]) {
    service.signal("TERM");
    let ended = service.wait(Duration::from_secs(20));
    assert!(ended.success(), "{ended}");
    let log = service.log();
    let lines: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let with_message =
        |message: &'static str| lines.iter().filter(move |line| line["message"] == message);
    assert_eq!(with_message("listening").count(), 1, "{log:#?}");
    assert_eq!(with_message("stopped").count(), 1, "{log:#?}");
    assert_eq!(with_message("answered").count(), answers.len(), "{log:#?}");
    for answer in answers {
        let id = answer.header("x-request-id").unwrap();
        let line = with_message("answered").find(|line| line["request_id"] == id);
        assert_eq!(line.expect("an access line")["status"], answer.status);
        let causes = with_message("not served").filter(|line| line["request_id"] == id);
        assert_eq!(causes.count(), usize::from(answer.status >= 500), "{answer:?}: {log:#?}");
    }
    let found: Vec<_> = log.iter().filter(|line| line.contains(secret)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// Sends requests of every kind, with [`NAME`] in each place where a client may put it.
fn send_name(service: &Process) -> Vec<Answer> {
    let address = service.address();
    let person = |members: Value| {
        let mut entry = json!({"firstname": NAME, "lastname": NAME, "gate": NAME});
        entry.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        entry.to_string()
    };
    let id = "95844c14-bc2f-4249-8dc5-bd17377c5215";
    let posts = [
        (person(json!({"entry_id": id})), 201),
        (person(json!({"entry_id": id, "gate": "another"})), 422),
        (person(json!({"gate": 7, "occurred_at": NAME, "entry_id": NAME})), 400),
        (json!([NAME]).to_string(), 400),
        (format!("{{\"lastname\": \"{NAME}\", {NAME}"), 400),
    ];
    let gets = [
        ("/table/view/date:today".to_owned(), 200),
        (format!("/table/view/{NAME}"), 400),
        (format!("/{NAME}?{NAME}"), 404),
    ];
    let posts = posts.map(|(body, status)| {
        let answer = Connection::open(address).unwrap().post(&body).unwrap();
        assert_eq!(answer.status, status, "{answer:?}");
        answer
    });
    let (void, correct) = (format!("/table/entry/{id}/void"), format!("/table/entry/{id}/correct"));
    let reason = json!({"reason": NAME}).to_string();
    let correction = person(json!({"reason": NAME, "person_ref": NAME, "gate": "another"}));
    let header = |name: &str| format!("{name}{NAME}\r\n");
    let others = [
        ("POST", void.clone(), String::new(), reason, 200),
        ("POST", void, String::new(), json!({"reason": [NAME]}).to_string(), 400),
        ("POST", correct.clone(), String::new(), correction.clone(), 201),
        ("POST", correct.clone(), String::new(), correction.clone(), 409),
        ("POST", correct, header("Idempotency-Key: "), correction, 400),
        ("GET", format!("/table/entry/{id}?q={NAME}"), String::new(), String::new(), 200),
        ("GET", format!("/table/entry/{NAME}"), String::new(), String::new(), 404),
        ("GET", format!("/table/entry/{id}"), header("Authorization: Bearer "), String::new(), 401),
        (
            "GET",
            format!("/table/entry/{id}"),
            header("Cookie: rollcall_session="),
            String::new(),
            200,
        ),
        ("POST", "/admin/tokens".into(), String::new(), json!({"name": NAME}).to_string(), 401),
    ];
    let others = others.map(|(method, path, headers, body, status)| {
        let mut connection = Connection::open(address).unwrap();
        let answer = connection.send(method, &path, &headers, &body).unwrap();
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        answer
    });
    let gets = gets.map(|(path, status)| {
        let answer = get(address, &path);
        assert_eq!(answer.status, status, "{answer:?}");
        answer
    });
    [&posts[..], &others, &gets].concat()
}

on_both_stores! {
    fn no_log_line_contains_a_persons_name(store: StoreKind) {
        let store = Fresh::migrated(store);
        let service = serve(&store.environment());
        let mut answers = send_name(&service);
        // The database rejects a row, and its error message may contain the row's values.
        store.sql(match &store {
            Fresh::Postgres(_) => "ALTER TABLE attendance ADD CHECK (gate <> 'closed')",
            Fresh::Embedded(_) => "CREATE TRIGGER reject BEFORE INSERT ON attendance \
                WHEN NEW.gate = 'closed' BEGIN SELECT RAISE(ABORT, 'no'); END",
        });
        let rejected = json!({"firstname": NAME, "lastname": NAME, "gate": "closed"});
        let answer = post(service.address(), &rejected);
        answer.problem(500, "internal");
        answers.push(answer);
        assert_log_lacks(service, NAME, &answers);
    }
}

/// Requests that fail because the database does not let the service in.
fn request_in_vain(service: &Process) -> Vec<Answer> {
    let ready = get(service.address(), "/readyz");
    ready.problem(503, "not_ready");
    let created = post(service.address(), &json!({"firstname": NAME, "lastname": NAME}));
    created.problem(503, "store_unavailable");
    let sheet = get(service.address(), "/table/view/date:today");
    sheet.problem(503, "store_unavailable");
    vec![ready, created, sheet]
}

#[test]
fn no_log_line_contains_the_password_when_the_database_cannot_be_reached() {
    let service = serve_with_password(&[
        ("DATABASE_HOSTNAME", "127.0.0.1".into()),
        ("DATABASE_PORT", "1".into()),
        ("DATABASE_TIMEOUT_SECONDS", "1".into()),
    ]);
    let answers = request_in_vain(&service);
    assert_log_lacks(service, PASSWORD, &answers);
}

#[test]
fn no_log_line_contains_a_password_that_the_database_rejects() {
    let cluster = Cluster::start();
    let rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(cluster.path("data/pg_hba.conf"), rules).unwrap();
    cluster.stop();
    cluster.start_again();
    let mut environment = cluster.environment();
    environment.push(("DATABASE_TIMEOUT_SECONDS", "1".into()));
    environment.push(("ROLLCALL_MIGRATE_ON_START", "false".into()));
    let service = serve_with_password(&environment);
    let answers = request_in_vain(&service);
    assert_log_lacks(service, PASSWORD, &answers);
}
