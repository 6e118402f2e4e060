//! Requests that a browser sends because a page of another site told it to.

use rollcall::domain::Access;
use rollcall::http::mounted_routes;
use serde_json::json;

use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, on_both_stores};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// x:the-admin-token-of-the-settings-32
const BASIC: &str = "Basic eDp0aGUtYWRtaW4tdG9rZW4tb2YtdGhlLXNldHRpbmdzLTMy";

const EVIL: &str = "https://evil.example";

#[derive(Clone, Copy, PartialEq)]
enum From {
    Own,
    Other,
    Unknown,
}

/// The headers by which a browser says where a request comes from. `OWN` stands for our own origin.
const ORIGINS: [(&[(&str, &str)], From); 12] = [
    (&[], From::Unknown),
    (&[("Sec-Fetch-Mode", "navigate")], From::Unknown),
    (&[("Sec-Fetch-Site", "same-origin")], From::Own),
    (&[("Sec-Fetch-Site", "none")], From::Own),
    (&[("Sec-Fetch-Site", "same-site")], From::Other),
    (&[("Sec-Fetch-Site", "cross-site")], From::Other),
    (&[("Sec-Fetch-Site", "cross-site"), ("Origin", "OWN")], From::Other),
    (&[("Sec-Fetch-Site", "same-origin"), ("Origin", EVIL)], From::Own),
    (&[("Origin", "OWN")], From::Own),
    (&[("Origin", EVIL)], From::Other),
    (&[("Origin", "null")], From::Other),
    (&[("Origin", "OWN"), ("X-Forwarded-Proto", "https")], From::Other),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sender {
    Bearer,
    Basic,
    Session,
    Nobody,
}

fn start(store: StoreKind, access: Access) -> TestApp {
    let options = Options { access, admin_token: Some(ADMIN), token: None, ..Options::default() };
    TestApp::with(Fresh::migrated(store), options)
}

/// Signs in and returns the cookie.
fn sign_in(app: &TestApp, token: &str) -> String {
    let answer = app.request("POST", "/session", &[], &json!({"token": token}).to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn send(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let own = format!("http://{}", app.address());
    let headers: Vec<_> = headers
        .iter()
        .map(|&(name, value)| (name, if value == "OWN" { &own } else { value }))
        .collect();
    app.request(method, path, &headers, body)
}

fn is_cross_site(answer: &Answer) -> bool {
    answer.status == 403 && answer.json()["code"] == "cross_site"
}

/// Every route that changes something, with a path that it matches.
fn changing_routes() -> Vec<(String, String)> {
    let routes = mounted_routes().into_iter().filter(|(method, _)| method != "GET");
    let with_path = routes.map(|(method, pattern)| {
        let path = pattern
            .replace("<_>", "95844c14-bc2f-4249-8dc5-bd17377c5215")
            .replace("<name>", "nobody");
        (method, path)
    });
    with_path.collect()
}

fn check_every_route(store: StoreKind, access: Access) {
    let app = start(store, access);
    let mut cookie = sign_in(&app, ADMIN);
    let bearer = format!("Bearer {ADMIN}");
    let routes = changing_routes();
    assert!(routes.len() >= 8, "{routes:?}");
    for (method, path) in &routes {
        for sender in [Sender::Bearer, Sender::Basic, Sender::Session, Sender::Nobody] {
            for (origin, from) in ORIGINS {
                if path == "/session/end" {
                    cookie = sign_in(&app, ADMIN);
                }
                let credential = match sender {
                    Sender::Bearer => Some(("Authorization", &*bearer)),
                    Sender::Basic => Some(("Authorization", BASIC)),
                    Sender::Session => Some(("Cookie", &*cookie)),
                    Sender::Nobody => None,
                };
                let headers: Vec<_> = origin.iter().copied().chain(credential).collect();
                let answer = send(&app, method, path, &headers, "{}");
                let what = format!("{method} {path} {sender:?} {origin:?} {access:?}: {answer:?}");
                let is_free = path == "/session" || path == "/session/end";
                if sender == Sender::Nobody
                    && !is_free
                    && (access == Access::Token || path.starts_with("/admin/"))
                {
                    assert_eq!(answer.status, 401, "{what}");
                    continue;
                }
                // Signing in does not depend on what a browser has already.
                let sender = if path == "/session" { Sender::Nobody } else { sender };
                let is_refused = match (sender, from) {
                    (Sender::Bearer, _) | (_, From::Own) => false,
                    (Sender::Nobody, _) if path == "/table/create" => false,
                    (_, From::Other) | (Sender::Session, From::Unknown) => true,
                    (Sender::Basic | Sender::Nobody, From::Unknown) => false,
                };
                assert_eq!(is_cross_site(&answer), is_refused, "{what}");
                assert!(is_refused || ![401, 403].contains(&answer.status), "{what}");
            }
        }
    }
    assert_eq!(app.count_rows(), 0);
}

on_both_stores! {
    fn every_change_must_come_from_our_own_pages_in_token_mode(store: StoreKind) {
        check_every_route(store, Access::Token);
    }

    fn every_change_must_come_from_our_own_pages_in_open_mode(store: StoreKind) {
        check_every_route(store, Access::Open);
    }

    fn reading_may_begin_at_any_site(store: StoreKind) {
        let app = start(store, Access::Token);
        let cookie = sign_in(&app, ADMIN);
        for (origin, _) in ORIGINS {
            let headers: Vec<_> = origin.iter().copied().chain([("Cookie", &*cookie)]).collect();
            for method in ["GET", "HEAD"] {
                let answer = send(&app, method, "/table/view/date:today", &headers, "");
                assert_eq!(answer.status, 200, "{origin:?} {answer:?}");
            }
        }
    }

    fn a_request_without_anything_still_records_with_access_open(store: StoreKind) {
        let app = start(store, Access::Open);
        let body = json!({"firstname": "a", "lastname": "b"}).to_string();
        for origin in [&[][..], &[("Origin", EVIL)], &[("Sec-Fetch-Site", "cross-site")]] {
            assert_eq!(send(&app, "POST", "/table/create", origin, &body).status, 201, "{origin:?}");
        }
        // A cookie that is not valid counts as none.
        let stale = [("Cookie", "rollcall_session=stale"), ("Origin", EVIL)];
        assert_eq!(send(&app, "POST", "/table/create", &stale, &body).status, 201);
        assert_eq!(app.count_rows(), 4);
    }

    fn the_origin_is_checked_after_the_role_and_before_the_body(store: StoreKind) {
        let app = start(store, Access::Token);
        let made = app.request(
            "POST",
            "/admin/tokens",
            &[("Authorization", &format!("Bearer {ADMIN}"))],
            &json!({"name": "r", "role": "reader"}).to_string(),
        );
        let reader = sign_in(&app, made.json()["token"].as_str().unwrap());
        let admin = sign_in(&app, ADMIN);
        let huge = "x".repeat(20_000);
        let other = ("Sec-Fetch-Site", "cross-site");
        let own = ("Sec-Fetch-Site", "same-origin");
        for (cookie, site, status, code) in [
            ("rollcall_session=x", other, 401, "unauthenticated"),
            (&*reader, other, 403, "forbidden"),
            (&*admin, other, 403, "cross_site"),
            (&*admin, own, 413, "body_too_large"),
        ] {
            send(&app, "POST", "/table/create", &[("Cookie", cookie), site], &huge).problem(status, code);
        }
    }
}
