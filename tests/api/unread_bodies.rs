//! Requests that are answered before their body has arrived.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rollcall::domain::Access;

use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, wait_until};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// A body has 10 seconds to arrive, so an answer within this time has not waited for it.
const AT_ONCE: Duration = Duration::from_secs(5);

fn start() -> TestApp {
    let options = Options {
        access: Access::Token,
        admin_token: Some(ADMIN),
        token: None,
        ..Options::default()
    };
    TestApp::with(Fresh::migrated(StoreKind::Embedded), options)
}

fn connect(app: &TestApp) -> TcpStream {
    let connection = TcpStream::connect(app.address()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    connection
}

/// The head of a request, without its body.
fn head(method: &str, path: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

/// Reads one answer, and not what follows it.
fn receive(connection: &mut TcpStream) -> Answer {
    let mut received = Vec::new();
    while !received.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).unwrap();
        received.extend(byte);
    }
    let head = String::from_utf8(received).unwrap();
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    connection.read_exact(&mut body).unwrap();
    Answer::from_raw(&(head + std::str::from_utf8(&body).unwrap()))
}

/// The head of each request and the answer to it.
fn refused_before_the_body() -> Vec<(String, u16, &'static str)> {
    let admin = format!("Authorization: Bearer {ADMIN}");
    let length = |length: u64| format!("Content-Length: {length}");
    let post = |path: &str, headers: &[&str]| head("POST", path, headers);
    vec![
        (post("/nothing", &[&length(100)]), 404, "not_found"),
        (head("PUT", "/table/create", &[&length(100)]), 405, "method_not_allowed"),
        (post("/table/create", &[&length(100)]), 401, "unauthenticated"),
        (post("/table/create", &[&length(10_000_000_000)]), 401, "unauthenticated"),
        (post("/table/create", &["Transfer-Encoding: chunked"]), 401, "unauthenticated"),
        (post("/admin/tokens", &[&length(100)]), 401, "unauthenticated"),
        (
            post("/admin/tokens", &["Authorization: Bearer wrong", &length(100)]),
            401,
            "unauthenticated",
        ),
        (post("/session", &[&length(100), "Origin: https://other"]), 403, "cross_site"),
        (post("/table/create", &[&admin, &length(16 * 1024 + 1)]), 413, "body_too_large"),
        (post("/table/create", &[&admin, &length(10_000_000_000)]), 413, "body_too_large"),
    ]
}

#[test]
fn a_refusal_does_not_wait_for_the_body() {
    let app = start();
    for (head, status, code) in refused_before_the_body() {
        let begun = Instant::now();
        let mut connection = connect(&app);
        connection.write_all(head.as_bytes()).unwrap();
        receive(&mut connection).problem(status, code);
        assert!(begun.elapsed() < AT_ONCE, "{head}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_connection_can_be_used_again_after_a_body_that_nobody_needed() {
    let app = start();
    for length in [0, 100, 1_000_000] {
        let header = format!("Content-Length: {length}");
        let refused = head("POST", "/table/create", &["Authorization: Bearer wrong", &header]);
        let mut connection = connect(&app);
        for _ in 0..2 {
            connection.write_all(refused.as_bytes()).unwrap();
            receive(&mut connection).problem(401, "unauthenticated");
            connection.write_all(&vec![b'x'; length]).unwrap();
        }
        connection.write_all(head("GET", "/livez", &[]).as_bytes()).unwrap();
        assert_eq!(receive(&mut connection).status, 200);
    }
}

#[test]
fn a_body_that_is_too_long_is_refused_before_its_end() {
    let app = start();
    let admin = format!("Authorization: Bearer {ADMIN}");
    let begun = Instant::now();
    let mut connection = connect(&app);
    let head = head("POST", "/table/create", &[&admin, "Transfer-Encoding: chunked"]);
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(format!("5000\r\n{}\r\n", "x".repeat(0x5000)).as_bytes()).unwrap();
    receive(&mut connection).problem(413, "body_too_large");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    connection.write_all(b"0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(receive(&mut connection).status, 200);
}

#[test]
fn a_client_is_asked_only_for_a_body_that_is_needed() {
    let app = start();
    let expect = "Expect: 100-continue";
    let mut connection = connect(&app);
    let refused = head("POST", "/table/create", &[expect, "Content-Length: 100"]);
    connection.write_all(refused.as_bytes()).unwrap();
    receive(&mut connection).problem(401, "unauthenticated");

    let admin = format!("Authorization: Bearer {ADMIN}");
    let body = r#"{"firstname": "a", "lastname": "b"}"#;
    let length = format!("Content-Length: {}", body.len());
    let mut connection = connect(&app);
    connection
        .write_all(head("POST", "/table/create", &[expect, &admin, &length]).as_bytes())
        .unwrap();
    let mut interim = [0; 25];
    connection.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(body.as_bytes()).unwrap();
    assert_eq!(receive(&mut connection).status, 201);
}

/// The bodies of batches are long, and only so many are in memory at once.
#[test]
fn batches_beyond_sixteen_mebibytes_are_refused_at_once_and_others_are_not() {
    let app = start();
    let admin = format!("Authorization: Bearer {ADMIN}");
    let open = |headers: &[&str]| {
        let mut connection = connect(&app);
        let expecting = [&[&*admin, "Expect: 100-continue"], headers].concat();
        connection.write_all(head("POST", "/table/batch", &expecting).as_bytes()).unwrap();
        connection
    };
    let most = format!("Content-Length: {}", 1024 * 1024);
    // A body whose length is not told counts as the longest one.
    let lengths = (0..15).map(|n| if n % 2 == 0 { &*most } else { "Transfer-Encoding: chunked" });
    let mut waiting: Vec<_> = lengths.map(|length| open(&[length])).collect();
    for connection in &mut waiting {
        let mut go_on = [0; 25];
        connection.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let sign_of_life = || {
        app.request(
            "POST",
            "/table/batch",
            &[("Authorization", &admin[15..])],
            r#"{"entries": []}"#,
        )
    };
    assert_eq!(sign_of_life().status, 200);
    let mut last = open(&[&most]);
    last.read_exact(&mut [0; 25]).unwrap();
    let refused = sign_of_life();
    refused.problem(503, "busy");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    let create = app.request(
        "POST",
        "/table/create",
        &[("Authorization", &admin[15..])],
        r#"{"firstname": "a", "lastname": "b"}"#,
    );
    assert_eq!(create.status, 201);
    drop((waiting, last));
    wait_until("there is room again", || sign_of_life().status == 200);
}
