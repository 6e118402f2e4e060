//! Tokens of real processes: two replicas, a store that stops, and what the log must not have.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::contents::contents;
use crate::support::process::{Environment, rollcall};
use crate::support::{
    Answer, Cluster, Fresh, Process, StoreKind, on_both_stores, wait_until_within,
};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// A token that nobody made.
const UNKNOWN: &str = "rollcall_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The longest time until a change of the tokens is known everywhere.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

fn serve(environment: &Environment) -> Process {
    let access = [
        ("ROLLCALL_ACCESS", "token".to_owned()),
        ("ROLLCALL_ADMIN_TOKEN", ADMIN.to_owned()),
        ("ROLLCALL_LOG", "trace".to_owned()),
        ("DATABASE_TIMEOUT_SECONDS", "2".to_owned()),
    ];
    Process::serve(&[environment, &access].concat())
}

fn send(service: &Process, method: &str, path: &str, authorization: &str, body: &str) -> Answer {
    let mut connection = TcpStream::connect(service.address()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: rollcall\r\nConnection: close\r\n\
         Authorization: {authorization}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    Answer::from_raw(&answer)
}

fn read_sheet(service: &Process, token: &str) -> u16 {
    let answer = send(service, "GET", "/table/view/date:today", &format!("Bearer {token}"), "");
    answer.status
}

fn make_token(service: &Process, name: &str) -> String {
    let body = json!({"name": name, "role": "reader"}).to_string();
    let made = send(service, "POST", "/admin/tokens", &format!("Bearer {ADMIN}"), &body);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["token"].as_str().unwrap().to_owned()
}

fn revoke(service: &Process, name: &str) {
    let path = format!("/admin/tokens/{name}");
    let revoked = send(service, "DELETE", &path, &format!("Bearer {ADMIN}"), "");
    assert_eq!(revoked.status, 200, "{revoked:?}");
}

#[test]
fn a_change_on_one_replica_is_known_on_the_other_within_seconds() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let [one, other] = [(); 2].map(|()| serve(&store.environment()));
    let token = make_token(&one, "a");
    assert_eq!(read_sheet(&one, &token), 200);
    assert_eq!(read_sheet(&other, &token), 200, "an unknown token is looked up at once");
    revoke(&one, "a");
    assert_eq!(read_sheet(&one, &token), 401);
    wait_until_within(KNOWN_WITHIN, "the other refuses it", || read_sheet(&other, &token) == 401);
}

#[test]
fn while_the_database_is_stopped_the_last_tokens_hold() {
    let cluster = Cluster::start();
    let service = serve(&cluster.environment());
    let (valid, revoked) = (make_token(&service, "valid"), make_token(&service, "revoked"));
    revoke(&service, "revoked");
    cluster.stop();
    let create = |token: &str| {
        send(&service, "POST", "/table/create", &format!("Bearer {token}"), "{}").status
    };
    // What a reader may not do is known without the database.
    assert_eq!((create(&valid), create(&revoked), create(ADMIN)), (403, 401, 400));
    let looked_up = send(&service, "POST", "/table/create", &format!("Bearer {UNKNOWN}"), "{}");
    looked_up.problem(503, "store_unavailable");
    assert_eq!(create("unknown"), 401, "it has not the form of a token");
    cluster.start_again();
    wait_until_within(Duration::from_secs(30), "the database answers again", || {
        create(UNKNOWN) == 401
    });
    assert_eq!(read_sheet(&service, &valid), 200);
}

on_both_stores! {
    fn neither_the_log_nor_the_store_contains_a_token(store: StoreKind) {
        let store = Fresh::migrated(store);
        let mut service = serve(&store.environment());
        let token = make_token(&service, "a");
        // x:the-admin-token-of-the-settings-32
        let basic = "eDp0aGUtYWRtaW4tdG9rZW4tb2YtdGhlLXNldHRpbmdzLTMy";
        assert_eq!(read_sheet(&service, &token), 200);
        assert_eq!(read_sheet(&service, UNKNOWN), 401);
        let by_basic = send(&service, "GET", "/admin/tokens", &format!("Basic {basic}"), "");
        assert_eq!(by_basic.status, 200, "{by_basic:?}");
        let by_command = rollcall(&["token", "create", "b", "--role", "gate"], &store.environment());
        let made = String::from_utf8(by_command.stdout).unwrap();
        // An unknown token was looked up less than a second ago, so this one may have to wait.
        let by_gate = format!("Bearer {}", made.trim());
        wait_until_within(KNOWN_WITHIN, "the command's token works", || {
            send(&service, "POST", "/table/create", &by_gate, "{}").status == 400
        });
        revoke(&service, "a");
        service.signal("TERM");
        assert!(service.wait(Duration::from_secs(20)).success());
        let log = service.log();
        assert!(log.iter().any(|line| line.contains("\"stopped\"")), "{log:#?}");
        assert!(!log.iter().any(|line| line.contains("Request guard")), "{log:#?}");
        for secret in [&token, UNKNOWN, basic, ADMIN, made.trim()] {
            let found: Vec<_> = log.iter().filter(|line| line.contains(secret)).collect();
            assert!(found.is_empty(), "{found:#?}");
        }
        let stored = contents(&store);
        let holds = |text: &str| stored.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(holds("reader"), "the tokens are stored");
        for secret in [&token, made.trim(), ADMIN] {
            assert!(!holds(secret) && !holds(secret.trim_start_matches("rollcall_")));
        }
    }
}

#[test]
fn the_start_is_refused_on_other_addresses_until_access_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rollcall.sqlite3").display().to_string();
    let environment =
        |address: &str| [("ROCKET_ADDRESS", address.to_owned()), ("DATABASE_FILE", file.clone())];
    for address in ["0.0.0.0", "::"] {
        let refused = rollcall(&["serve"], &environment(address));
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let line = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        for part in ["ROLLCALL_ACCESS", "open", "token"] {
            assert!(line.contains(part), "{line}");
        }
        // Only a service needs it.
        assert!(rollcall(&["migrate"], &environment(address)).status.success());
    }
}
