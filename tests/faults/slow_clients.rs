//! Clients that are slow, idle, or do not speak HTTP, and how they affect others.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::connection::{Connection, post, sheet};
use crate::load_lock;
use crate::support::{Answer, Fresh, Process, StoreKind, on_both_stores, wait_until};

/// The limit for an answer.
const LIMIT: Duration = Duration::from_secs(30);

const HALF_A_HEAD: &str = "POST /table/create HTTP/1.1\r\nHost: rollcall\r\nContent-";

fn visitor() -> Value {
    json!({"firstname": "Arvin", "lastname": "Visitor"})
}

/// Creates an entry over a new connection, within [`LIMIT`].
#[track_caller]
fn assert_create(address: SocketAddr) {
    let begin = Instant::now();
    let answer = post(address, &visitor());
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
}

/// Opens a connection and sends `bytes`.
fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

on_both_stores! {
    fn half_sent_requests_that_use_up_all_files_do_not_block_others_for_long(store: StoreKind) {
        let store = Fresh::migrated(store);
        let service = Process::serve_with_file_limit(256, &store.environment());
        let half_sent: Vec<_> =
            (0..300).map(|_| send(service.address(), HALF_A_HEAD.as_bytes())).collect();
        for _ in 0..5 {
            assert_create(service.address());
        }
        assert_eq!(sheet(service.address(), "today").len(), 5);
        drop(half_sent);
    }
}

/// Sends a create's head at once and its body byte by byte, one per `pause`, until the service
/// closes the connection. Returns the answer and when it began.
fn send_slowly(address: SocketAddr, body: &str, pause: Option<Duration>) -> (Answer, Duration) {
    let begin = Instant::now();
    let length = body.len();
    let head = format!(
        "POST /table/create HTTP/1.1\r\nHost: rollcall\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut stream = send(address, head.as_bytes());
    stream.set_read_timeout(Some(pause.unwrap_or(LIMIT))).unwrap();
    let mut unsent = body.bytes();
    let (mut received, mut answered) = (Vec::new(), None);
    loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                received.extend_from_slice(&chunk[..read]);
                answered.get_or_insert_with(|| begin.elapsed());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert!(begin.elapsed() < LIMIT, "still open; received: {received:?}");
                let byte = unsent.next().expect("the body is long enough");
                // Fails once the service has closed the connection.
                let _ = stream.write_all(&[byte]);
            }
            // The service closed the connection while a byte was on its way.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error}"),
        }
    }
    let answer = Answer::from_raw(std::str::from_utf8(&received).unwrap());
    (answer, answered.unwrap())
}

#[test]
fn a_body_that_arrives_too_slowly_is_answered_400_and_the_connection_closed() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let service = Process::serve(&store.environment());
    let address = service.address();
    let body = visitor().to_string();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| send_slowly(address, &body, Some(Duration::from_secs(1))));
        let stalled = scope.spawn(|| send_slowly(address, &body, None));
        for client in [slow, stalled] {
            let (answer, after) = client.join().unwrap();
            answer.problem(400, "bad_request");
            // A body has 10 seconds to arrive.
            assert!((9.0..15.0).contains(&after.as_secs_f64()), "{after:?}");
        }
    });
    assert_eq!(sheet(address, "today"), [] as [Value; 0]);
}

/// A gate that posts every minute keeps its connection.
#[test]
fn a_connection_that_was_idle_for_75_seconds_can_still_be_used() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let service = Process::serve(&store.environment());
    let mut connection = Connection::open(service.address()).unwrap();
    let first = connection.post(&visitor().to_string()).unwrap();
    assert_eq!(first.status, 201, "{first:?}");
    // The time is what is tested.
    sleep(Duration::from_secs(75));
    let second = connection.post(&visitor().to_string()).expect("the connection is open");
    assert_eq!(second.status, 201, "{second:?}");
}

/// The hard limit on open files, up to the number that these tests need.
fn file_limit() -> u64 {
    const ENOUGH: u64 = 20_480;
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let hard = line.split_whitespace().nth(1).unwrap();
    hard.parse().map_or(ENOUGH, |hard: u64| hard.min(ENOUGH))
}

/// Raises this process's own limit on open files to `files`.
fn raise_file_limit(files: u64) {
    let limit = format!("--nofile={files}:");
    let process = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &process, &limit]).output().unwrap();
    assert!(raised.status.success(), "{raised:?}");
}

#[test]
fn ten_thousand_idle_connections_cost_little_memory_and_block_nobody() {
    const BYTES_PER_CONNECTION: u64 = 24 * 1024;
    // For the other files of this process and of the service.
    const OTHER_FILES: u64 = 512;
    let _load = load_lock::acquire();
    let files = file_limit();
    let count = 10_000.min(files.saturating_sub(OTHER_FILES));
    assert!(count >= 1_000, "raise the hard limit on open files: it is {files}");
    raise_file_limit(files);

    let store = Fresh::migrated(StoreKind::Embedded);
    let service = Process::serve_with_file_limit(files, &store.environment());
    let address = service.address();
    let sockets = service.open_sockets();
    for _ in 0..10 {
        assert_create(address);
        assert_eq!(Connection::open(address).unwrap().get("/livez").unwrap().status, 200);
    }
    wait_until("the connections are closed", || service.open_sockets() == sockets);
    let (files, memory) = (service.open_files(), service.resident_memory());

    let mut idle: Vec<_> = (0..count)
        .map(|number| {
            let mut connection = Connection::open(address).unwrap();
            assert_eq!(connection.get("/livez").unwrap().status, 200, "connection {number}");
            connection
        })
        .collect();
    let growth = service.resident_memory().saturating_sub(memory);
    println!("{count} idle connections use {} bytes each", growth / count);
    assert!(growth / count <= BYTES_PER_CONNECTION, "{} bytes each", growth / count);
    assert!(service.open_sockets() as u64 >= sockets as u64 + count, "not all are still open");
    assert_create(address);
    for connection in idle.iter_mut().step_by(1_000) {
        assert_eq!(connection.post(&visitor().to_string()).unwrap().status, 201);
    }

    drop(idle);
    wait_until("all connections are closed", || service.open_files() == files);
    assert_create(address);
}

#[test]
fn idle_and_half_sent_requests_delay_the_shutdown_only_briefly() {
    const DRAIN_TIME: Duration = Duration::from_secs(2);
    const GRACE: Duration = Duration::from_secs(3);
    let store = Fresh::migrated(StoreKind::Embedded);
    let mut environment = store.environment();
    // The grace period is one second longer.
    environment.push(("DATABASE_TIMEOUT_SECONDS", "2".into()));
    let mut service = Process::serve(&environment);
    let address = service.address();
    let half_a_body = format!("{HALF_A_HEAD}Length: 100\r\n\r\n{{\"firstname\":");
    let open = ["", HALF_A_HEAD, &half_a_body].map(|bytes| send(address, bytes.as_bytes()));
    let mut used = Connection::open(address).unwrap();
    assert_eq!(used.post(&visitor().to_string()).unwrap().status, 201);
    // Connections are accepted in their order, so the service has all of them now.

    service.signal("TERM");
    // Another two seconds to end the process on a busy machine.
    let ended = service.wait(DRAIN_TIME + GRACE + Duration::from_secs(2));
    assert!(ended.success(), "{ended}: {:#?}", service.log());
    assert!(service.log().last().unwrap().contains("stopped"), "{:#?}", service.log());
    drop((open, used));

    let service = Process::serve(&environment);
    assert_eq!(sheet(service.address(), "today").len(), 1);
}

/// Sends `bytes` and returns the beginning of the answer. It is empty if the service has closed the
/// connection without one.
#[track_caller]
fn send_invalid(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    // Fails if the service closes the connection before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = vec![0; 4096];
    match stream.read(&mut answer) {
        Ok(read) => answer.truncate(read),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => answer.clear(),
        Err(error) => panic!("neither answered nor closed: {error}"),
    }
    answer
}

#[test]
fn requests_beyond_the_limits_and_other_protocols_get_a_4xx_or_a_close_and_disturb_nobody() {
    let megabyte = "x".repeat(1 << 20);
    let request = |target: &str, headers: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: rollcall\r\n{headers}\r\n").into_bytes()
    };
    let cases = [
        ("a header of a megabyte", request("/livez", &format!("X-Long: {megabyte}\r\n"))),
        ("10,000 headers", request("/livez", &"X-Many: 1\r\n".repeat(10_000))),
        ("a URL of a megabyte", request(&format!("/{megabyte}"), "")),
        ("a header without a name", request("/livez", ": 1\r\n")),
        ("a length that is no number", request("/livez", "Content-Length: many\r\n")),
        ("an unknown version", b"GET /livez HTTP/9.9\r\nHost: rollcall\r\n\r\n".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("TLS", b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03".repeat(20)),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ("random bytes", (0..4096_u32).map(|n| (n * n / 7 % 251) as u8).collect()),
    ];
    let store = Fresh::migrated(StoreKind::Embedded);
    let service = Process::serve(&store.environment());
    let mut other = Connection::open(service.address()).unwrap();
    for (what, bytes) in &cases {
        let answer = send_invalid(service.address(), bytes);
        let begin = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
        assert!(answer.is_empty() || begin.starts_with("HTTP/1.1 4"), "{what}: {begin}");
        let created = other.post(&visitor().to_string()).unwrap();
        assert_eq!(created.status, 201, "{what}: {created:?}");
    }
    assert_eq!(sheet(service.address(), "today").len(), cases.len());
    let log = service.log();
    assert!(!log.iter().any(|line| line.contains("panicked")), "{log:#?}");
}
