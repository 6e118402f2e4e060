//! Tokens: made, listed, used and revoked, by the API and by the command, on several replicas.

use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use rollcall::domain::{Access, IssuedToken, Session, TokenHash, TokenRequest};
use rollcall::store::{PostgresStore, PostgresTarget, Sessions, StoreError, Tokens, Versioned};
use serde_json::{Value, json};

use crate::support::{
    Answer, Fresh, Options, StoreKind, TestApp, on_both_stores, wait_until, wait_until_within,
};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// The longest time until a change of the tokens is known everywhere.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

fn options() -> Options {
    Options { access: Access::Token, admin_token: Some(ADMIN), token: None, ..Options::default() }
}

fn start(store: StoreKind) -> TestApp {
    TestApp::with(Fresh::migrated(store), options())
}

fn send(app: &TestApp, method: &str, path: &str, token: &str, body: &str) -> Answer {
    app.request(method, path, &[("Authorization", &format!("Bearer {token}"))], body)
}

fn admin(app: &TestApp, method: &str, path: &str, body: Value) -> Answer {
    send(app, method, path, ADMIN, &body.to_string())
}

fn make_token(app: &TestApp, request: Value) -> String {
    let made = admin(app, "POST", "/admin/tokens", request);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["token"].as_str().unwrap().to_owned()
}

fn list(app: &TestApp) -> Value {
    send(app, "GET", "/admin/tokens", ADMIN, "").json()["tokens"].clone()
}

fn read_sheet(app: &TestApp, token: &str) -> Answer {
    send(app, "GET", "/table/view/date:today", token, "")
}

fn rollcall(app: &TestApp, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rollcall"))
        .arg("token")
        .args(arguments)
        .env_clear()
        .envs(app.store.environment())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

on_both_stores! {
    fn a_token_is_made_listed_and_revoked(store: StoreKind) {
        let app = start(store);
        app.set_now("2026-11-24T12:00:00Z");
        let request = json!({"name": "north", "role": "gate", "gate": "A", "expires_at": "2027-01-01T00:00:00+08:00"});
        let made = admin(&app, "POST", "/admin/tokens", request);
        assert_eq!(made.status, 201);
        assert_eq!(made.header("cache-control"), Some("no-store"));
        let mut token = made.json();
        let secret = token.as_object_mut().unwrap().remove("token").unwrap();
        let secret = secret.as_str().unwrap();
        assert!(secret.starts_with("rollcall_") && secret.len() == 52, "{secret}");
        let expected = json!({
            "name": "north", "role": "gate", "gate": "A",
            "created_at": "2026-11-24T12:00:00.000000Z", "created_by": "env",
            "expires_at": "2026-12-31T16:00:00.000000Z", "revoked_at": null, "last_seen_at": null,
        });
        assert_eq!(token, expected);
        assert_eq!(list(&app), json!([expected]));

        app.set_now("2026-11-24T13:00:00Z");
        let revoked = admin(&app, "POST", "/admin/tokens/north/revoke", Value::Null);
        assert_eq!(revoked.status, 200);
        assert_eq!(revoked.json()["revoked_at"], "2026-11-24T13:00:00.000000Z");
        app.set_now("2026-11-24T14:00:00Z");
        let again = admin(&app, "DELETE", "/admin/tokens/north", Value::Null);
        assert_eq!((again.status, again.json()), (200, revoked.json()));
        assert_eq!(list(&app), json!([revoked.json()]));
        send(&app, "POST", "/table/create", secret, "{}").problem(401, "unauthenticated");
        for (method, path) in [("POST", "/admin/tokens/south/revoke"), ("DELETE", "/admin/tokens/%ff")] {
            admin(&app, method, path, Value::Null).problem(404, "not_found");
        }
    }

    fn names_are_unique_for_ever_and_listed_in_order(store: StoreKind) {
        let app = start(store);
        for name in ["b", "a-b", "a.b", "a"] {
            make_token(&app, json!({"name": name, "role": "reader"}));
        }
        assert_eq!(admin(&app, "DELETE", "/admin/tokens/a", Value::Null).status, 200);
        for name in ["a", "b", "env"] {
            let again = admin(&app, "POST", "/admin/tokens", json!({"name": name, "role": "admin"}));
            again.problem(409, "name_taken");
        }
        let tokens = list(&app);
        let names: Vec<_> = tokens.as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", "a-b", "a.b", "b"]);
    }

    fn a_bad_request_for_a_token_names_every_member(store: StoreKind) {
        let app = start(store);
        admin(&app, "POST", "/admin/tokens", json!([])).problem(400, "invalid_json");
        let body = json!({"name": "A", "role": "boss", "gate": 1, "expires_at": "soon"});
        let problem = admin(&app, "POST", "/admin/tokens", body).problem(400, "invalid_entry");
        let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
        assert_eq!(fields, ["name", "role", "gate", "expires_at"]);
        app.set_now("2026-11-24T12:00:00Z");
        let body = json!({"name": "a", "role": "reader", "expires_at": "2026-11-24T12:00:00Z"});
        let problem = admin(&app, "POST", "/admin/tokens", body).problem(400, "invalid_entry");
        assert_eq!(problem["errors"], json!([{"field": "expires_at", "code": "past", "message": "must be in the future"}]));
        let problem = admin(&app, "POST", "/admin/tokens", json!("x".repeat(20_000))).problem(413, "body_too_large");
        assert_eq!(problem["detail"], "The body must have at most 16384 bytes.");
        assert_eq!(list(&app), json!([]));
    }

    fn an_admin_may_be_a_token_of_the_store(store: StoreKind) {
        let app = start(store);
        let other = make_token(&app, json!({"name": "boss", "role": "admin"}));
        let body = json!({"name": "desk", "role": "clerk"}).to_string();
        let made = send(&app, "POST", "/admin/tokens", &other, &body);
        assert_eq!(made.json()["created_by"], "boss", "{made:?}");
    }

    fn a_request_that_waits_is_answered_when_its_token_ends(store: StoreKind) {
        let app = start(store);
        app.set_now("2026-11-24T12:00:00Z");
        let revoked = make_token(&app, json!({"name": "a", "role": "reader"}));
        let expired = make_token(&app, json!({"name": "b", "role": "reader", "expires_at": "2026-11-24T12:01:00Z"}));
        let wait = |token: &str| send(&app, "GET", "/table/changes?wait=25", token, "");
        std::thread::scope(|scope| {
            let waiting = [&revoked, &expired].map(|token| scope.spawn(|| wait(token)));
            let stays = scope.spawn(|| send(&app, "GET", "/table/changes?wait=7", ADMIN, ""));
            wait_until("all of them wait", || {
                let metrics = send(&app, "GET", "/metrics", ADMIN, "").body;
                metrics.contains("\nrollcall_changes_waiting_readers 3\n")
            });
            let ended = Instant::now();
            assert_eq!(admin(&app, "DELETE", "/admin/tokens/a", Value::Null).status, 200);
            app.set_now("2026-11-24T12:01:00Z");
            for waiting in waiting {
                waiting.join().unwrap().problem(401, "unauthenticated");
            }
            assert!(ended.elapsed() < KNOWN_WITHIN, "{:?}", ended.elapsed());
            assert_eq!(stays.join().unwrap().json(), json!({"changes": [], "next": 0}));
        });
    }

    fn a_token_expires(store: StoreKind) {
        let app = start(store);
        app.set_now("2026-11-24T12:00:00Z");
        let token = make_token(&app, json!({"name": "a", "role": "reader", "expires_at": "2026-11-24T12:01:00Z"}));
        app.set_now("2026-11-24T12:00:59Z");
        assert_eq!(read_sheet(&app, &token).status, 200);
        app.set_now("2026-11-24T12:01:00Z");
        read_sheet(&app, &token).problem(401, "unauthenticated");
    }

    fn the_last_use_is_noted(store: StoreKind) {
        let app = start(store);
        let token = make_token(&app, json!({"name": "a", "role": "reader"}));
        let noted = || list(&app)[0]["last_seen_at"].as_str().map(str::to_owned);
        app.set_now("2026-11-24T12:00:00Z");
        assert_eq!(read_sheet(&app, &token).status, 200);
        let first = Some("2026-11-24T12:00:00.000000Z".to_owned());
        wait_until_within(KNOWN_WITHIN, "the use is noted", || noted() == first);
        app.set_now("2026-11-24T12:00:40Z");
        assert_eq!(read_sheet(&app, &token).status, 200);
        let second = Some("2026-11-24T12:00:40.000000Z".to_owned());
        wait_until_within(KNOWN_WITHIN, "the later use is noted", || noted() == second);
    }

    fn the_command_makes_lists_and_revokes_tokens(store: StoreKind) {
        let app = start(store);
        let (status, stdout, stderr) = rollcall(&app, &["create", "north", "--role", "gate", "--gate", "A", "--expires", "2099-01-01T00:00:00Z"]);
        assert_eq!(status, 0, "{stderr}");
        let secret = stdout.strip_suffix('\n').unwrap();
        assert!(secret.starts_with("rollcall_") && secret.len() == 52, "{stdout:?}");
        assert!(!stderr.contains(secret));
        let body = json!({"firstname": "a", "lastname": "b"}).to_string();
        let posted = send(&app, "POST", "/table/create", secret, &body);
        assert_eq!((posted.status, &posted.json()["gate"]), (201, &json!("A")), "a running service knows it at once");

        let (status, stdout, _) = rollcall(&app, &["list", "--json"]);
        let listed: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(status, 0);
        assert_eq!(listed["tokens"][0]["created_by"], Value::Null);
        assert_eq!(listed["tokens"][0]["expires_at"], "2099-01-01T00:00:00.000000Z");
        let (_, stdout, _) = rollcall(&app, &["list"]);
        assert!(stdout.starts_with("north  gate  valid  "), "{stdout}");

        for (arguments, reason) in [
            (&["create", "north", "--role", "gate"][..], "north"),
            (&["create", "env", "--role", "admin"], "env"),
            (&["create", "x", "--role", "boss"], "--role must be gate, reader, clerk or admin"),
            (&["create", "x", "--role", "clerk", "--gate", "A"], "--gate is only for"),
            (&["create", "x", "--role", "clerk", "--expires", "soon"], "--expires must be an RFC 3339 time"),
            (&["create", "x", "--role", "clerk", "--expires", "2020-01-01T00:00:00Z"], "--expires must be in the future"),
            (&["revoke", "south"], "no token with the name south"),
        ] {
            let (status, stdout, stderr) = rollcall(&app, arguments);
            assert_eq!((status, &*stdout), (1, ""), "{arguments:?}");
            assert!(stderr.contains(reason) && stderr.lines().count() == 1, "{stderr}");
        }

        for _ in 0..2 {
            let (status, stdout, stderr) = rollcall(&app, &["revoke", "north"]);
            assert_eq!((status, &*stdout), (0, ""), "{stderr}");
        }
        wait_until_within(KNOWN_WITHIN, "the service refuses it", || send(&app, "POST", "/table/create", secret, "{}").status == 401);
    }
}

/// Counted by the server itself: every read of the tokens scans the table once.
#[test]
fn a_flood_of_unknown_tokens_makes_at_most_one_query_a_second() {
    let app = start(StoreKind::Postgres);
    let scans = || {
        use diesel::prelude::*;
        diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
            "(SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'tokens')",
        ))
        .get_result::<i64>(&mut app.store.postgres())
        .unwrap()
    };
    // Only what has the form of a token may be stored.
    let unknown = |n: usize| format!("rollcall_{n:0>43}");
    read_sheet(&app, &unknown(0)).problem(401, "unauthenticated");
    let (before, begun) = (scans(), Instant::now());
    let mut sent = 0;
    while begun.elapsed() < Duration::from_secs(3) {
        sent += 1;
        read_sheet(&app, &unknown(sent)).problem(401, "unauthenticated");
    }
    assert!(sent > 100, "{sent}");
    let seconds = begun.elapsed().as_secs() as i64 + 1;
    // A session reports its numbers when it has been idle or at its next statement, so some of
    // those counted are older.
    let mut after = before;
    wait_until_within(Duration::from_secs(10), "the server counts the reads", || {
        after = scans();
        after > before
    });
    assert!(after - before <= seconds + 2, "{} scans in {seconds} s", after - before);
}

/// The last set holds while the store is away; a token that cannot be looked up is 503.
#[test]
fn without_the_store_known_tokens_hold_and_unknown_ones_are_503() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let options = Options { timeout: Duration::from_secs(1), ..options() };
    let app = TestApp::with(store, options);
    let reader = make_token(&app, json!({"name": "a", "role": "reader"}));
    let revoked = make_token(&app, json!({"name": "b", "role": "reader"}));
    assert_eq!(admin(&app, "DELETE", "/admin/tokens/b", Value::Null).status, 200);
    let mut session = app.store.postgres();
    session.batch_execute("BEGIN; LOCK TABLE tokens IN ACCESS EXCLUSIVE MODE").unwrap();
    let unknown = format!("rollcall_{}", "A".repeat(43));
    let answer = read_sheet(&app, &unknown);
    answer.problem(503, "store_unavailable");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert_eq!(read_sheet(&app, &reader).status, 200);
    assert_eq!(read_sheet(&app, ADMIN).status, 200);
    // These can be no tokens, so they are not looked up.
    let basic = "Basic eDp4"; // x:x
    for answer in [
        read_sheet(&app, "unknown"),
        read_sheet(&app, &unknown[1..]),
        read_sheet(&app, &format!("{unknown}A")),
        app.request("GET", "/table/view/date:today", &[("Authorization", basic)], ""),
        app.request("POST", "/session", &[], r#"{"token": "unknown"}"#),
    ] {
        answer.problem(401, "unauthenticated");
    }
    read_sheet(&app, &revoked).problem(401, "unauthenticated");
    app.get("/table/view/date:today").problem(401, "unauthenticated");
    session.batch_execute("ROLLBACK").unwrap();
    wait_until_within(KNOWN_WITHIN, "an unknown token can be looked up again", || {
        read_sheet(&app, &unknown).status == 401
    });
}

#[test]
fn the_pods_role_may_do_with_tokens_and_sessions_what_it_needs() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let Fresh::Postgres(owner) = &store else { panic!("not PostgreSQL") };
    let role = &owner.dbname;
    store.sql(&format!("CREATE ROLE \"{role}\" LOGIN"));
    let migrating = PostgresStore::new(owner.clone(), 1, Duration::from_secs(5));
    let migrating = migrating.granting_to(Some(role.clone()));
    migrating.migrate(Instant::now() + Duration::from_secs(10), &mut |_| {}).unwrap();
    let target = PostgresTarget { user: role.clone(), ..owner.clone() };
    let pods = PostgresStore::new(target, 1, Duration::from_secs(5));
    let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().unwrap();
    let later = now + Duration::from_secs(60);
    let body = br#"{"name": "a", "role": "gate", "gate": "A"}"#;
    let token = IssuedToken::new(TokenRequest::parse(body, now).unwrap(), now, None);
    let (name, hash) = (token.name.clone(), TokenHash::of(b"secret"));
    let session = Session::new(hash, now);
    let session_hash = TokenHash::of(b"cookie");
    let all = || -> Result<_, StoreError> {
        let made = [pods.create_token(&hash, &token)?, pods.create_token(&hash, &token)?];
        for at in [later, now] {
            pods.note_uses(&[(name.clone(), at)])?;
        }
        let revoked = [pods.revoke_token(&name, later)?, pods.revoke_token(&name, now)?];
        pods.create_session(&session_hash, &session, now)?;
        for at in [later, now] {
            pods.note_session_uses(&[(session_hash, at)])?;
        }
        let sessions = pods.sessions()?;
        pods.end_session(&session_hash)?;
        Ok((made, revoked, pods.tokens()?, sessions, pods.sessions()?))
    };
    let done = all();
    drop(pods);
    // A role belongs to the server and not to the database, so it must be dropped explicitly.
    store.sql(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
    let expected = IssuedToken { revoked_at: Some(later), last_seen_at: Some(later), ..token };
    let used = vec![(session_hash, Session { last_used_at: later, ..session })];
    let expected = ([true, false], [true, true], vec![(hash, expected)], used, vec![]);
    assert_eq!(done.unwrap(), expected);
}
