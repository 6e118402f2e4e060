//! What must not be in a log at any level: the password, and the names of people.

use serde_json::{Value, json};

use crate::connection::{Connection, get, post};
use crate::support::process::Environment;
use crate::support::{Cluster, Fresh, Process, StoreKind, on_both_stores};

const PASSWORD: &str = "hunter2";
const NAME: &str = "Zwicklbauer";

fn serve(environment: &Environment) -> Process {
    let secret = [("DATABASE_PASSWORD", PASSWORD.to_owned()), ("ROLLCALL_LOG", "trace".to_owned())];
    Process::serve(&[environment, &secret].concat())
}

/// Everything that the service writes from its start to its end.
#[track_caller]
fn assert_silent_about(service: &mut Process, secret: &str) {
    service.signal("TERM");
    service.wait(std::time::Duration::from_secs(20));
    let log = service.log();
    assert!(log.len() > 3, "this is no log at the level trace: {log:#?}");
    let told: Vec<_> = log.iter().filter(|line| line.contains(secret)).collect();
    assert!(told.is_empty(), "{told:#?}");
}

/// Requests of every kind with the name in them, in each place where a client may put it.
fn speak_of_somebody(service: &Process) {
    let address = service.address();
    let person = |members: Value| {
        let mut entry = json!({"firstname": NAME, "lastname": NAME, "gate": NAME});
        entry.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        entry
    };
    let id = "95844c14-bc2f-4249-8dc5-bd17377c5215";
    post(address, &person(json!({"entry_id": id})));
    post(address, &person(json!({"entry_id": id, "gate": "another"})));
    post(address, &person(json!({"gate": 7, "occurred_at": NAME, "entry_id": NAME})));
    post(address, &json!([NAME]));
    let _ = Connection::open(address).unwrap().post(&format!("{{\"lastname\": \"{NAME}\", {NAME}"));
    for path in
        ["/table/view/date:today", &format!("/table/view/{NAME}"), &format!("/{NAME}?{NAME}")]
    {
        get(address, path);
    }
}

on_both_stores! {
    fn no_log_holds_the_name_of_a_person(store: StoreKind) {
        let store = Fresh::migrated(store);
        let mut service = match &store {
            Fresh::Postgres(_) => serve(&store.environment()),
            // A password would make it PostgreSQL.
            Fresh::Embedded(_) => Process::serve(
                &[&store.environment()[..], &[("ROLLCALL_LOG", "trace".to_owned())]].concat(),
            ),
        };
        speak_of_somebody(&service);
        // The database refuses a row, and its own message may show what is in it.
        store.sql(match &store {
            Fresh::Postgres(_) => "ALTER TABLE attendance ADD CHECK (gate <> 'nobody passes')",
            Fresh::Embedded(_) => "CREATE TRIGGER refuse BEFORE INSERT ON attendance \
                WHEN NEW.gate = 'nobody passes' BEGIN SELECT RAISE(ABORT, 'no'); END",
        });
        let refused = json!({"firstname": NAME, "lastname": NAME, "gate": "nobody passes"});
        post(service.address(), &refused).problem(500, "internal");
        assert_silent_about(&mut service, NAME);
    }
}

#[test]
fn no_log_holds_the_password_of_a_database_that_cannot_be_reached() {
    let nowhere = [
        ("DATABASE_HOSTNAME", "127.0.0.1".into()),
        ("DATABASE_PORT", "1".into()),
        ("DATABASE_TIMEOUT_SECONDS", "1".into()),
    ];
    let mut service = serve(&nowhere);
    get(service.address(), "/readyz").problem(503, "not_ready");
    let answer = post(service.address(), &json!({"firstname": NAME, "lastname": NAME}));
    answer.problem(503, "store_unavailable");
    assert_silent_about(&mut service, PASSWORD);
}

#[test]
fn no_log_holds_a_password_that_the_database_refuses() {
    let cluster = Cluster::start();
    let rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(cluster.path("data/pg_hba.conf"), rules).unwrap();
    cluster.stop();
    cluster.start_again();
    let mut environment = cluster.environment();
    environment.push(("DATABASE_TIMEOUT_SECONDS", "1".into()));
    environment.push(("ROLLCALL_MIGRATE_ON_START", "false".into()));
    let mut service = serve(&environment);
    get(service.address(), "/readyz").problem(503, "not_ready");
    let answer = post(service.address(), &json!({"firstname": NAME, "lastname": NAME}));
    answer.problem(503, "store_unavailable");
    assert_silent_about(&mut service, PASSWORD);
}
