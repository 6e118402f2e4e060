//! Who may do what: every route with every kind of credential, and what a token is bound to.

use std::collections::BTreeSet;

use rollcall::domain::Access;
use rollcall::http::mounted_routes;
use serde_json::{Value, json};

use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, on_both_stores};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// What a route asks of its sender.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Nothing,
    Create,
    Read,
    Amend,
    Admin,
}

const EXPORT: &str = "/table/export?from=20190624&to=20190624";
const PEOPLE: &str = "/table/people?from=20190624&to=20190624";
const ENTRY: &str = "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215";
const VOID: &str = "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215/void";
const CORRECT: &str = "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215/correct";

/// Every route, with a path that it matches. A route that is not here fails the test.
const ROUTES: [(&str, &str, &str, Needs); 28] = [
    ("POST", "/table/create", "/table/create", Needs::Create),
    ("POST", "/table/batch", "/table/batch", Needs::Create),
    ("GET", "/table/view/<_..>", "/table/view/date:today", Needs::Read),
    ("GET", "/table/changes", "/table/changes", Needs::Read),
    ("GET", "/table/export", EXPORT, Needs::Read),
    ("GET", "/table/people", PEOPLE, Needs::Read),
    ("GET", "/table/inside", "/table/inside", Needs::Read),
    ("GET", "/table/gates", "/table/gates", Needs::Read),
    ("POST", "/table/entry", "/table/entry", Needs::Create),
    ("GET", "/table/entry/<_>", ENTRY, Needs::Read),
    ("POST", "/table/entry/<_>/void", VOID, Needs::Amend),
    ("POST", "/table/entry/<_>/correct", CORRECT, Needs::Amend),
    ("GET", "/table", "/table", Needs::Nothing),
    ("GET", "/admin", "/admin", Needs::Nothing),
    ("GET", "/livez", "/livez", Needs::Nothing),
    ("GET", "/readyz", "/readyz", Needs::Nothing),
    ("GET", "/health", "/health", Needs::Nothing),
    ("GET", "/metrics", "/metrics", Needs::Read),
    ("GET", "/admin/tokens", "/admin/tokens", Needs::Admin),
    ("POST", "/admin/tokens", "/admin/tokens", Needs::Admin),
    ("POST", "/admin/tokens/<name>/revoke", "/admin/tokens/nobody/revoke", Needs::Admin),
    ("DELETE", "/admin/tokens/<name>", "/admin/tokens/nobody", Needs::Admin),
    ("GET", "/session", "/session", Needs::Nothing),
    ("POST", "/session", "/session", Needs::Nothing),
    ("POST", "/session/end", "/session/end", Needs::Nothing),
    ("GET", "/assets/<name>", "/assets/style-0.css", Needs::Nothing),
    ("GET", "/docs", "/docs", Needs::Nothing),
    ("GET", "/openapi.json", "/openapi.json", Needs::Nothing),
];

fn start(store: StoreKind, access: Access) -> TestApp {
    let options = Options { access, admin_token: Some(ADMIN), token: None, ..Options::default() };
    TestApp::with(Fresh::migrated(store), options)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn send(app: &TestApp, method: &str, path: &str, authorization: &str, body: &str) -> Answer {
    match authorization {
        "" => app.request(method, path, &[], body),
        value => app.request(method, path, &[("Authorization", value)], body),
    }
}

/// Makes a token by the API and returns its secret.
fn make_token(app: &TestApp, request: Value) -> String {
    let made = send(app, "POST", "/admin/tokens", &bearer(ADMIN), &request.to_string());
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["token"].as_str().unwrap().to_owned()
}

/// An `Authorization` for each kind of sender, by its name.
fn senders(app: &TestApp) -> Vec<(&'static str, String)> {
    let mut senders = vec![
        ("none", String::new()),
        ("digest", "Digest username=x".into()),
        ("unknown", bearer("rollcall_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("empty", "Bearer".into()),
        ("basic", "Basic !".into()),
        ("env", bearer(ADMIN)),
    ];
    for role in ["gate", "reader", "clerk", "admin"] {
        senders.push((role, bearer(&make_token(app, json!({"name": role, "role": role})))));
    }
    app.set_now("2019-12-31T00:00:00Z");
    let past = json!({"name": "expired", "role": "admin", "expires_at": "2020-01-01T00:00:00Z"});
    senders.push(("expired", bearer(&make_token(app, past))));
    app.set_now("2026-11-24T12:00:00Z");
    let revoked = make_token(app, json!({"name": "revoked", "role": "admin"}));
    assert_eq!(send(app, "DELETE", "/admin/tokens/revoked", &bearer(ADMIN), "").status, 200);
    senders.push(("revoked", bearer(&revoked)));
    senders
}

/// The status that keeps `sender` away from a route; `None` if it may pass.
fn refusal(access: Access, needs: Needs, sender: &str) -> Option<u16> {
    let is_free = needs == Needs::Nothing;
    match sender {
        _ if is_free => None,
        "unknown" | "empty" | "basic" | "expired" | "revoked" => Some(401),
        _ if access == Access::Open && needs != Needs::Admin => None,
        "none" | "digest" => Some(401),
        "env" | "admin" => None,
        "gate" => (needs != Needs::Create).then_some(403),
        "reader" => (needs != Needs::Read).then_some(403),
        "clerk" => (needs == Needs::Admin).then_some(403),
        other => panic!("{other}"),
    }
}

fn check_every_route(store: StoreKind, access: Access) {
    let app = start(store, access);
    for (sender, authorization) in senders(&app) {
        for (method, pattern, path, needs) in ROUTES {
            let what = format!("{method} {pattern} as {sender} with access {access:?}");
            let answer = send(&app, method, path, &authorization, "{}");
            match refusal(access, needs, sender) {
                Some(401) => {
                    answer.problem(401, "unauthenticated");
                    assert_challenges(&answer, &["Bearer", "Basic"]);
                }
                Some(status) => {
                    assert_eq!(status, 403, "{what}");
                    answer.problem(403, "forbidden");
                }
                // An empty object is no entry and no token, and nobody is no token's name.
                None => {
                    let expected = match (method, pattern) {
                        (_, "/admin/tokens/<name>" | "/admin/tokens/<name>/revoke") => 404,
                        ("GET", "/table/entry/<_>") => 404,
                        (_, "/session/end") => 303,
                        ("POST", _) => 400,
                        _ => 200,
                    };
                    assert_eq!(answer.status, expected, "{what}: {answer:?}");
                }
            }
        }
    }
    assert_eq!(app.count_rows(), 0);
}

#[track_caller]
fn assert_challenges(answer: &Answer, schemes: &[&str]) {
    let challenges = answer.headers.iter().filter(|(name, _)| name == "www-authenticate");
    let sent: Vec<_> = challenges.map(|(_, value)| value.split(' ').next().unwrap()).collect();
    assert_eq!(sent, schemes, "{answer:?}");
    let bearer = answer.header("www-authenticate");
    assert_eq!(bearer, Some(r#"Bearer realm="rollcall""#), "{answer:?}");
}

#[test]
fn the_table_of_routes_is_complete() {
    let listed: BTreeSet<_> =
        ROUTES.map(|(method, pattern, ..)| (method.to_owned(), pattern.to_owned())).into();
    assert_eq!(listed, mounted_routes().into_iter().collect());
}

on_both_stores! {
    fn every_route_admits_whom_it_should_in_token_mode(store: StoreKind) {
        check_every_route(store, Access::Token);
    }

    fn every_route_admits_whom_it_should_in_open_mode(store: StoreKind) {
        check_every_route(store, Access::Open);
    }

    fn a_token_may_be_the_password_of_basic(store: StoreKind) {
        let app = start(store, Access::Token);
        // x:the-admin-token-of-the-settings-32
        let basic = "Basic eDp0aGUtYWRtaW4tdG9rZW4tb2YtdGhlLXNldHRpbmdzLTMy";
        assert_eq!(send(&app, "GET", "/table/view/date:today", basic, "").status, 200);
        let both = [("Authorization", basic), ("Authorization", "Bearer wrong")];
        app.request("GET", "/table/view/date:today", &both, "").problem(401, "unauthenticated");
    }

    fn a_browser_is_not_prompted_for_a_password(store: StoreKind) {
        let app = start(store, Access::Token);
        for header in [("Sec-Fetch-Mode", "navigate"), ("X-Requested-With", "fetch")] {
            let answer = app.request("GET", "/table/view/date:today", &[header], "");
            answer.problem(401, "unauthenticated");
            assert_challenges(&answer, &["Bearer"]);
        }
    }

    fn checks_are_made_in_the_contracts_order(store: StoreKind) {
        let app = start(store, Access::Token);
        let reader = bearer(&make_token(&app, json!({"name": "r", "role": "reader"})));
        let gate = bearer(&make_token(&app, json!({"name": "a", "role": "gate", "gate": "A"})));
        let huge = "x".repeat(20_000);
        let other_gate = json!({"firstname": "a", "lastname": "b", "gate": "B"}).to_string();
        for (method, path, sender, body, status, code) in [
            ("GET", "/nothing", "Bearer x", "", 404, "not_found"),
            ("PUT", "/table/create", "Bearer x", "", 405, "method_not_allowed"),
            ("POST", "/table/create", "Bearer x", &*huge, 401, "unauthenticated"),
            ("POST", "/table/create", &*reader, &*huge, 403, "forbidden"),
            ("POST", "/table/create", &*gate, &*huge, 413, "body_too_large"),
            ("POST", "/table/create", &*gate, r#"{"gate": "B"}"#, 400, "invalid_entry"),
            ("POST", "/table/create", &*gate, &*other_gate, 403, "gate_mismatch"),
            ("GET", "/table/view/date:nonsense", "", "", 401, "unauthenticated"),
            ("GET", "/table/view/date:nonsense", &*gate, "", 403, "forbidden"),
            ("GET", "/table/view/date:nonsense", &*reader, "", 400, "invalid_date"),
            ("DELETE", "/admin/tokens/NOBODY", &*reader, "", 403, "forbidden"),
        ] {
            send(&app, method, path, sender, body).problem(status, code);
        }
        let forbidden = send(&app, "POST", "/table/create", &reader, "{}").problem(403, "forbidden");
        assert_eq!(forbidden["detail"], "This needs a token with the role gate or clerk or admin.");
        assert_eq!(app.count_rows(), 0);
    }

    fn a_bound_token_fills_its_gate_in(store: StoreKind) {
        for access in [Access::Token, Access::Open] {
            let app = start(store, access);
            let gate = bearer(&make_token(&app, json!({"name": "a", "role": "gate", "gate": " A "})));
            let free = bearer(&make_token(&app, json!({"name": "b", "role": "gate"})));
            let post = |sender: &str, gate: Value| {
                let body = json!({"firstname": "a", "lastname": "b", "gate": gate});
                send(&app, "POST", "/table/create", sender, &body.to_string())
            };
            assert_eq!(post(&gate, Value::Null).json()["gate"], "A");
            assert_eq!(post(&gate, json!("A")).json()["gate"], "A");
            let mismatch = post(&gate, json!("B")).problem(403, "gate_mismatch");
            assert!(mismatch["detail"].as_str().unwrap().contains("\"A\""), "{mismatch}");
            assert_eq!(post(&free, json!("B")).json()["gate"], "B");
            assert_eq!(post(&free, Value::Null).json()["gate"], Value::Null);
            assert_eq!(app.count_rows(), 4);
        }
    }

    fn a_retry_of_a_bound_gate_is_a_replay(store: StoreKind) {
        let app = start(store, Access::Token);
        let gate = bearer(&make_token(&app, json!({"name": "a", "role": "gate", "gate": "A"})));
        let id = "95844c14-bc2f-4249-8dc5-bd17377c5215";
        let body = json!({"firstname": "a", "lastname": "b", "entry_id": id}).to_string();
        let first = send(&app, "POST", "/table/create", &gate, &body);
        let second = send(&app, "POST", "/table/create", &gate, &body);
        assert_eq!((first.status, second.status), (201, 200));
        assert_eq!(first.json(), second.json());
    }

    fn the_page_shows_no_figure_in_token_mode(store: StoreKind) {
        let html = [("Accept", "text/html")];
        let open = start(store, Access::Open).request("GET", "/table", &html, "");
        assert!(open.body.contains("Nobody has passed a gate yet today"), "{}", open.body);
        let page = start(store, Access::Token).request("GET", "/table", &html, "");
        assert_eq!(page.status, 200);
        for figure in ["entries", "Nobody has passed", "inside now"] {
            assert!(!page.body.contains(figure), "{figure} in {}", page.body);
        }
        assert!(page.body.contains("with a token only"), "{}", page.body);
    }

    fn requests_without_a_credential_and_refused_ones_are_counted(store: StoreKind) {
        let app = start(store, Access::Token);
        let count = |name: &str| {
            let metrics = send(&app, "GET", "/metrics", &bearer(ADMIN), "").body;
            let line = metrics.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
            line.split(' ').nth(1).unwrap().parse::<u64>().unwrap()
        };
        assert_eq!(count("rollcall_requests_without_credential_total"), 0);
        app.post("{}").problem(401, "unauthenticated");
        app.get("/livez");
        send(&app, "POST", "/table/create", "Bearer x", "{}").problem(401, "unauthenticated");
        assert_eq!(count("rollcall_requests_without_credential_total"), 1);
        assert_eq!(count("rollcall_requests_refused_total"), 2);
    }

    fn health_tells_the_access(store: StoreKind) {
        assert_eq!(start(store, Access::Token).get("/health").json()["access"], "token");
        assert_eq!(start(store, Access::Open).get("/health").json()["access"], "open");
    }
}
