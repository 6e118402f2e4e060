//! Sessions of browsers: begun with a token, used by a cookie, ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rollcall::domain::{Access, TokenHash};
use serde_json::{Value, json};

use crate::support::{
    Answer, Fresh, Options, StoreKind, TestApp, on_both_stores, wait_until_within,
};

const ADMIN: &str = "the-admin-token-of-the-settings-32";
const FIREFOX: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const OWN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// The longest time until a change is known everywhere.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

fn options() -> Options {
    Options { access: Access::Token, admin_token: Some(ADMIN), token: None, ..Options::default() }
}

fn start(store: StoreKind) -> TestApp {
    TestApp::with(Fresh::migrated(store), options())
}

fn admin(app: &TestApp, method: &str, path: &str, body: Value) -> Answer {
    let authorization = format!("Bearer {ADMIN}");
    app.request(method, path, &[("Authorization", &authorization)], &body.to_string())
}

fn make_token(app: &TestApp, request: Value) -> String {
    let made = admin(app, "POST", "/admin/tokens", request);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["token"].as_str().unwrap().to_owned()
}

/// Sends the form of the page.
fn send_form(app: &TestApp, token: &str, next: &str) -> Answer {
    let encode = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    let body = format!("token={}&next={}", encode(token), encode(next));
    app.request("POST", "/session", &[FORM, OWN, ("Accept", FIREFOX)], &body)
}

/// Signs in and returns the cookie.
fn sign_in(app: &TestApp, token: &str) -> String {
    cookie_of(&send_form(app, token, "/table"))
}

#[track_caller]
fn cookie_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn read_sheet(app: &TestApp, cookie: &str) -> Answer {
    app.request("GET", "/table/view/date:today", &[("Cookie", cookie)], "")
}

fn sign_out(app: &TestApp, cookie: &str) -> Answer {
    app.request("POST", "/session/end", &[("Cookie", cookie), OWN], "")
}

on_both_stores! {
    fn a_session_begins_with_a_token_and_is_ended(store: StoreKind) {
        let app = start(store);
        let token = make_token(&app, json!({"name": "desk", "role": "clerk"}));
        let begun = send_form(&app, &format!(" {token}\r\n"), "/table/view/date:today?gate=A%20B");
        assert_eq!((begun.status, begun.header("location")), (303, Some("/table/view/date:today?gate=A%20B")));
        assert_eq!(begun.header("cache-control"), Some("no-store"));
        let set = begun.header("set-cookie").unwrap();
        assert!(set.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{set}");
        assert!(!set.contains(&token));

        let cookie = cookie_of(&begun);
        assert_eq!(read_sheet(&app, &cookie).status, 200);
        let body = json!({"firstname": "a", "lastname": "b"}).to_string();
        let headers = [("Cookie", &*cookie), OWN];
        assert_eq!(app.request("POST", "/table/create", &headers, &body).status, 201);
        app.request("GET", "/admin/tokens", &headers, "").problem(403, "forbidden");

        let ended = sign_out(&app, &cookie);
        assert_eq!((ended.status, ended.header("location")), (303, Some("/session")));
        let cleared = ended.header("set-cookie").unwrap();
        assert!(cleared.starts_with("rollcall_session=;") && cleared.contains("Max-Age=0"), "{cleared}");
        read_sheet(&app, &cookie).problem(401, "unauthenticated");
        assert_eq!(sign_out(&app, &cookie).status, 303);
        assert_eq!(app.request("POST", "/session/end", &[], "").status, 303);
    }

    fn the_cookie_is_secure_behind_a_proxy_with_tls(store: StoreKind) {
        let app = start(store);
        let headers = [FORM, OWN, ("X-Forwarded-Proto", "https")];
        let begun = app.request("POST", "/session", &headers, &format!("token={ADMIN}"));
        assert!(begun.header("set-cookie").unwrap().ends_with("; Secure"), "{begun:?}");
        assert_eq!(begun.header("location"), Some("/table"));
    }

    fn another_client_may_sign_in_with_json(store: StoreKind) {
        let app = start(store);
        let begun = app.request("POST", "/session", &[], &json!({"token": ADMIN}).to_string());
        assert_eq!((begun.status, begun.json()), (200, json!({"name": "env", "role": "admin"})));
        let cookie = begun.header("set-cookie").unwrap().split(';').next().unwrap();
        assert_eq!(read_sheet(&app, cookie).status, 200);
        app.request("POST", "/session", &[], "{}").problem(400, "invalid_entry");
        app.request("POST", "/session", &[], "token").problem(400, "invalid_json");
        app.request("POST", "/session", &[], &json!({"token": "x"}).to_string()).problem(401, "unauthenticated");
    }

    fn a_wrong_token_shows_the_form_again(store: StoreKind) {
        let app = start(store);
        let again = send_form(&app, "rollcall_wrong", "/table/view/date:today?q=%22%3e");
        assert_eq!((again.status, again.header("content-type")), (401, Some("text/html; charset=utf-8")));
        assert!(again.header("set-cookie").is_none());
        for part in ["This token is not valid", r#"value="/table/view/date:today?q=%22%3e""#, "unauthenticated"] {
            assert!(again.body.contains(part), "{part} in {}", again.body);
        }
        assert!(!again.body.contains("rollcall_wrong"));
        assert!(again.body.contains(again.header("x-request-id").unwrap()));
    }

    fn a_page_that_needs_a_token_leads_back_to_itself(store: StoreKind) {
        let app = start(store);
        let path = "/table/view/date:today?format=html&q=a%26b";
        let page = app.request("GET", path, &[("Accept", FIREFOX)], "");
        assert_eq!(page.status, 401);
        assert!(page.body.contains(r#"name="next" value="/table/view/date:today?format=html&#38;q=a%26b""#), "{}", page.body);
        let page = app.request("GET", "/session?next=%2Fadmin%2Ftokens", &[("Accept", FIREFOX)], "");
        for part in [r#"name="next" value="/admin/tokens""#, r#"signed in already, <a href="/admin/tokens">"#] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
    }

    fn nobody_is_sent_to_another_site(store: StoreKind) {
        let app = start(store);
        for next in ["//evil.example", "/\\evil.example", "https://evil.example", "https:evil.example", "/\t/evil.example", "/%2f/evil.example", "javascript:alert(1)", "/table\r\nSet-Cookie: a=b", "", "/admin"] {
            let begun = send_form(&app, ADMIN, next);
            assert_eq!((begun.status, begun.header("location")), (303, Some("/table")), "{next:?}");
            let encoded: String = next.bytes().map(|b| format!("%{b:02x}")).collect();
            let page = app.get(&format!("/session?next={encoded}"));
            assert!(page.body.contains(r#"name="next" value="/table""#), "{next:?} {}", page.body);
        }
    }

    fn a_session_is_no_token_and_a_token_no_session(store: StoreKind) {
        let app = start(store);
        let cookie = sign_in(&app, ADMIN);
        let secret = cookie.strip_prefix("rollcall_session=").unwrap();
        let bearer = format!("Bearer {secret}");
        app.request("GET", "/table/view/date:today", &[("Authorization", &bearer)], "").problem(401, "unauthenticated");
        read_sheet(&app, &format!("rollcall_session={ADMIN}")).problem(401, "unauthenticated");
        // A credential in the header comes first.
        let both = [("Authorization", "Bearer wrong"), ("Cookie", &*cookie)];
        app.request("GET", "/table/view/date:today", &both, "").problem(401, "unauthenticated");
    }

    fn the_store_holds_only_the_hash(store: StoreKind) {
        let app = start(store);
        let cookie = sign_in(&app, ADMIN);
        let secret = cookie.strip_prefix("rollcall_session=").unwrap();
        let sessions = app.store.open(1, Duration::from_secs(5)).sessions().unwrap();
        assert_eq!(sessions.len(), 1);
        assert_eq!(sessions[0].0, TokenHash::of(secret.as_bytes()));
        assert_eq!(sessions[0].1.token, TokenHash::of(ADMIN.as_bytes()));
    }

    fn a_session_lasts_for_twelve_hours_after_its_last_use(store: StoreKind) {
        let app = start(store);
        app.set_now("2026-11-24T00:00:00Z");
        let cookie = sign_in(&app, ADMIN);
        for moment in ["2026-11-24T11:59:59Z", "2026-11-24T23:59:58Z"] {
            app.set_now(moment);
            assert_eq!(read_sheet(&app, &cookie).status, 200, "{moment}");
        }
        app.set_now("2026-11-25T11:59:58Z");
        read_sheet(&app, &cookie).problem(401, "unauthenticated");
    }

    fn the_last_use_is_noted_and_old_sessions_are_deleted(store: StoreKind) {
        let app = start(store);
        let held = app.store.open(1, Duration::from_secs(5));
        app.set_now("2026-11-24T00:00:00Z");
        let cookie = sign_in(&app, ADMIN);
        let later = "2026-11-24T10:00:00Z";
        app.set_now(later);
        assert_eq!(read_sheet(&app, &cookie).status, 200);
        wait_until_within(KNOWN_WITHIN, "the use is noted", || {
            held.sessions().unwrap()[0].1.last_used_at == later.parse::<chrono::DateTime<chrono::Utc>>().unwrap()
        });
        app.set_now("2026-11-25T09:59:59Z");
        sign_in(&app, ADMIN);
        assert_eq!(held.sessions().unwrap().len(), 2);
        app.set_now("2026-11-25T10:00:01Z");
        sign_in(&app, ADMIN);
        assert_eq!(held.sessions().unwrap().len(), 2);
    }

    fn a_session_ends_with_its_token(store: StoreKind) {
        let app = start(store);
        app.set_now("2026-11-24T12:00:00Z");
        let revoked = sign_in(&app, &make_token(&app, json!({"name": "a", "role": "reader"})));
        let request = json!({"name": "b", "role": "reader", "expires_at": "2026-11-24T13:00:00Z"});
        let expiring = sign_in(&app, &make_token(&app, request));
        assert_eq!((read_sheet(&app, &revoked).status, read_sheet(&app, &expiring).status), (200, 200));
        assert_eq!(admin(&app, "DELETE", "/admin/tokens/a", Value::Null).status, 200);
        read_sheet(&app, &revoked).problem(401, "unauthenticated");
        app.set_now("2026-11-24T13:00:00Z");
        read_sheet(&app, &expiring).problem(401, "unauthenticated");
        // The token of the settings may be changed at a restart.
        let env = sign_in(&app, ADMIN);
        let other = Options { admin_token: Some("another-admin-token-of-the-settings"), ..options() };
        let restarted = TestApp::with(app.store.clone(), other);
        restarted.set_now("2026-11-24T13:00:00Z");
        read_sheet(&restarted, &env).problem(401, "unauthenticated");
    }

    fn a_session_is_known_on_every_replica(store: StoreKind) {
        let first = start(store);
        let second = TestApp::with(Arc::clone(&first.store), options());
        for _ in 0..3 {
            // Something unknown was looked up a moment ago, so that the next read is not hastened.
            read_sheet(&second, "rollcall_session=unknown").problem(401, "unauthenticated");
            let cookie = sign_in(&first, ADMIN);
            assert_eq!(read_sheet(&second, &cookie).status, 200, "at once");
            assert_eq!(sign_out(&second, &cookie).status, 303);
            read_sheet(&second, &cookie).problem(401, "unauthenticated");
            wait_until_within(KNOWN_WITHIN, "the session is over on the other replica", || read_sheet(&first, &cookie).status == 401);
        }
    }

    fn a_token_of_a_session_counts_as_seen(store: StoreKind) {
        let app = start(store);
        let cookie = sign_in(&app, &make_token(&app, json!({"name": "a", "role": "reader"})));
        app.set_now("2030-01-01T00:00:00Z");
        read_sheet(&app, &cookie).problem(401, "unauthenticated");
        let cookie = sign_in(&app, &make_token(&app, json!({"name": "b", "role": "reader"})));
        app.set_now("2030-01-01T01:00:00Z");
        assert_eq!(read_sheet(&app, &cookie).status, 200);
        wait_until_within(KNOWN_WITHIN, "the use is noted", || {
            admin(&app, "GET", "/admin/tokens", Value::Null).json()["tokens"][1]["last_seen_at"] == "2030-01-01T01:00:00.000000Z"
        });
    }

    fn with_access_open_an_unknown_cookie_counts_as_none(store: StoreKind) {
        let app = TestApp::with(Fresh::migrated(store), Options { access: Access::Open, ..options() });
        assert_eq!(read_sheet(&app, "rollcall_session=unknown").status, 200);
        app.request("GET", "/admin/tokens", &[("Cookie", "rollcall_session=unknown")], "").problem(401, "unauthenticated");
        let cookie = sign_in(&app, ADMIN);
        assert_eq!(app.request("GET", "/admin/tokens", &[("Cookie", &cookie)], "").status, 200);
    }
}

/// Counted by the server itself: every read of the sessions scans the table once.
#[test]
fn unknown_cookies_make_at_most_one_query_a_second() {
    let app = start(StoreKind::Postgres);
    let scans = || {
        use diesel::prelude::*;
        diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
            "(SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'sessions')",
        ))
        .get_result::<i64>(&mut app.store.postgres())
        .unwrap()
    };
    read_sheet(&app, "rollcall_session=unknown").problem(401, "unauthenticated");
    let (before, begun) = (scans(), Instant::now());
    std::thread::scope(|scope| {
        for client in 0..20 {
            let app = &app;
            scope.spawn(move || {
                while begun.elapsed() < Duration::from_secs(3) {
                    let cookie = format!("rollcall_session=unknown-{client}");
                    read_sheet(app, &cookie).problem(401, "unauthenticated");
                }
            });
        }
    });
    let seconds = begun.elapsed().as_secs() as i64 + 1;
    let mut after = before;
    wait_until_within(Duration::from_secs(10), "the server counts the reads", || {
        after = scans();
        after > before
    });
    assert!(after - before <= seconds + 2, "{} scans in {seconds} s", after - before);
}
