//! The headers of answers are in the API documents.

use std::collections::BTreeSet;

use rollcall::domain::Access;
use rollcall::http::document;
use serde_json::Value;

use super::openapi::documented;
use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, on_both_stores};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// The headers of answers that HTTP defines for all, and those that restrict browsers.
const UNDOCUMENTED: [&str; 10] = [
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "permissions-policy",
    "referrer-policy",
    "transfer-encoding",
    "x-content-type-options",
    "x-frame-options",
];

const ENTRY: &str = r#"{"firstname":"Arvin","lastname":"Cudanin","entry_id":"95844c14-bc2f-4249-8dc5-bd17377c5215"}"#;

const VOID: &str = "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215/void";
const CORRECT: &str = "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215/correct";

/// A request to each operation, and to some of them several for different answers: the method and
/// the path of the document, the path that is asked for, and the body.
const REQUESTS: &[(&str, &str, &str, &str)] = &[
    ("POST", "/table/create", "/table/create", ENTRY),
    ("POST", "/table/create", "/table/create", ENTRY),
    ("POST", "/table/create", "/table/create", "{}"),
    ("POST", "/table/batch", "/table/batch", r#"{"entries":[]}"#),
    ("POST", "/table/entry", "/table/entry", ENTRY),
    ("POST", "/table/entry", "/table/entry", "{}"),
    ("GET", "/table/view/date:{date}", "/table/view/date:today", ""),
    ("GET", "/table/view/date:{date}", "/table/view/date:today?format=csv", ""),
    ("GET", "/table/view/date:{date}", "/table/view/date:today?format=html", ""),
    ("GET", "/table/view/date:{date}", "/table/view/date:2026", ""),
    ("GET", "/table/export", "/table/export?from=20260101&to=20260102&format=csv", ""),
    ("GET", "/table/export", "/table/export?from=20260101", ""),
    ("GET", "/table/people", "/table/people?from=20260101&to=20260102&format=csv", ""),
    ("GET", "/table/people", "/table/people?format=html", ""),
    ("GET", "/table/people", "/table/people", ""),
    ("GET", "/table/inside", "/table/inside?format=csv", ""),
    ("GET", "/table/inside", "/table/inside?format=html", ""),
    ("GET", "/table/inside", "/table/inside?since=2019", ""),
    ("GET", "/table/gates", "/table/gates?format=csv", ""),
    ("GET", "/table/gates", "/table/gates?format=html", ""),
    ("GET", "/table/changes", "/table/changes", ""),
    ("GET", "/table/changes", "/table/changes?after=1000", ""),
    ("GET", "/table/entry/{entry_id}", "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215", ""),
    (
        "GET",
        "/table/entry/{entry_id}",
        "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215?format=html",
        "",
    ),
    ("GET", "/table/entry/{entry_id}", "/table/entry/none", ""),
    ("POST", "/table/entry/{entry_id}/void", VOID, r#"{"reason":"a"}"#),
    ("POST", "/table/entry/{entry_id}/void", VOID, r#"{"reason":"a"}"#),
    ("POST", "/table/entry/{entry_id}/void", VOID, "reason=a"),
    ("POST", "/table/entry/{entry_id}/void", VOID, r#"{"reason":"b"}"#),
    ("POST", "/table/entry/{entry_id}/correct", CORRECT, r#"{"reason":"a"}"#),
    ("POST", "/table/entry/{entry_id}/correct", CORRECT, r#"{"reason":"b"}"#),
    ("GET", "/table", "/table", ""),
    ("GET", "/table", "/table?format=html", ""),
    ("GET", "/table", "/table?format=html&date=20260101", ""),
    ("GET", "/table", "/table?format=html&date=2026", ""),
    ("GET", "/admin", "/admin", ""),
    ("GET", "/livez", "/livez", ""),
    ("GET", "/readyz", "/readyz", ""),
    ("GET", "/health", "/health", ""),
    ("GET", "/metrics", "/metrics", ""),
    ("GET", "/admin/tokens", "/admin/tokens", ""),
    ("GET", "/admin/tokens", "/admin/tokens?format=html", ""),
    ("POST", "/admin/tokens", "/admin/tokens", r#"{"name":"a","role":"gate","gate":"A"}"#),
    ("POST", "/admin/tokens", "/admin/tokens", r#"{"name":"a","role":"gate"}"#),
    ("POST", "/admin/tokens", "/admin/tokens?format=html", "name=b&role=reader"),
    // With a gate, a sheet says until when it is complete.
    ("GET", "/table/view/date:{date}", "/table/view/date:today", ""),
    ("POST", "/admin/tokens/{name}/revoke", "/admin/tokens/a/revoke", ""),
    ("POST", "/admin/tokens/{name}/revoke", "/admin/tokens/a/revoke?format=html", ""),
    ("POST", "/admin/tokens/{name}/revoke", "/admin/tokens/c/revoke", ""),
    ("DELETE", "/admin/tokens/{name}", "/admin/tokens/a", ""),
    ("GET", "/session", "/session", ""),
    ("POST", "/session", "/session", r#"{"token":"the-admin-token-of-the-settings-32"}"#),
    ("POST", "/session", "/session", "token=the-admin-token-of-the-settings-32"),
    ("POST", "/session", "/session", "token=another"),
    ("POST", "/session/end", "/session/end", ""),
    ("GET", "/assets/{name}", "/assets/style-0.css", ""),
    ("GET", "/assets/{name}", "/assets/none", ""),
    ("GET", "/docs", "/docs", ""),
    ("GET", "/openapi.json", "/openapi.json", ""),
];

/// Sends a request from our own site, with the token of the admin if there is one.
fn send(app: &TestApp, method: &str, path: &str, body: &str, token: Option<&str>) -> Answer {
    let is_form = !body.starts_with('{');
    let kind = if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
    let length = body.len();
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n{}\
         Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}",
        token.unwrap_or_default()
    );
    Answer::from_raw(&app.raw(request.as_bytes()))
}

/// Asserts that the document names the status of `answer`, and each of its headers.
fn assert_documented(document: &Value, method: &str, path: &str, answer: &Answer) {
    let status = answer.status.to_string();
    let response = &document["paths"][path][method.to_lowercase()]["responses"][&status];
    assert!(response.is_object(), "{method} {path}: {status} is not documented");
    let names = response["headers"].as_object().unwrap().keys();
    let documented: BTreeSet<_> = names.map(|name| name.to_lowercase()).collect();
    for (name, value) in &answer.headers {
        let is_known = UNDOCUMENTED.contains(&&**name) || documented.contains(name);
        assert!(is_known, "{method} {path}, {status}: {name}: {value} is not documented");
    }
}

on_both_stores! {
    fn every_header_of_an_answer_is_documented(store: StoreKind) {
        let options =
            Options { access: Access::Token, admin_token: Some(ADMIN), token: None, ..Options::default() };
        let app = TestApp::with(Fresh::migrated(store), options);
        let document = serde_json::from_str(&document(false)).unwrap();
        let mut asked = BTreeSet::new();
        for (method, route, path, body) in REQUESTS {
            let answer = send(&app, method, path, body, Some(ADMIN));
            assert_documented(&document, method, route, &answer);
            let without_token = send(&app, method, path, body, None);
            assert_documented(&document, method, route, &without_token);
            asked.insert(((*method).to_owned(), (*route).to_owned()));
        }
        assert_eq!(asked, documented());
    }
}
