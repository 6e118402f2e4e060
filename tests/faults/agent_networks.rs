//! What is between a gate agent and its upstream: TLS, proxies, and networks that do not work.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;

use crate::certificates::Authority;
use crate::connect_proxy::ConnectProxy;
use crate::gate_agent::GateAgent;
use crate::stand_in::{Reply, StandIn};
use crate::support::{Fresh, Process, StoreKind, wait_until};

#[test]
fn the_certificate_of_the_upstream_is_checked() {
    let (authority, other) = (Authority::new(), Authority::new());
    let trusting = |authority: &Authority| {
        [("ROLLCALL_UPSTREAM_CA_FILE", authority.file().display().to_string())]
    };
    let upstream = StandIn::start_with_tls(authority.issue("localhost"), |_| Reply::Stored);
    let agent = GateAgent::start(&upstream.url(), &trusting(&authority));
    agent.record("Cudanin");
    agent.wait_until_upstream("pending", 0);
    assert_eq!(agent.upstream()["state"], "reachable");

    let expired = authority.issue_expired("localhost");
    let wrong_name = authority.issue("other.example.org");
    let servers = [authority.issue("localhost"), expired, wrong_name, other.issue("localhost")];
    let [unknown, expired, wrong_name, other] =
        servers.map(|identity| StandIn::start_with_tls(identity, |_| Reply::Stored));
    let plain = StandIn::start(|_| Reply::Stored);
    let plain_url = plain.url().replace("http://127.0.0.1", "https://localhost");
    for (url, environment, words) in [
        (unknown.url(), &[][..], "an authority that this computer does not trust"),
        (other.url(), &trusting(&authority), "an authority that this computer does not trust"),
        (expired.url(), &trusting(&authority), "has expired, or the clock"),
        (wrong_name.url(), &trusting(&authority), "is for another name"),
        (plain_url, &trusting(&authority), "it may not be https there"),
    ] {
        let agent = GateAgent::start(&url, environment);
        agent.record("Cudanin");
        agent.wait_until_reason(words);
        let health = agent.upstream();
        assert_eq!((&health["state"], &health["pending"]), (&json!("unreachable"), &json!(1)));
    }
    for upstream in [unknown, expired, wrong_name, other] {
        assert!(
            upstream.received().is_empty(),
            "something was sent to a server that is not trusted"
        );
    }
}

#[test]
fn a_proxy_is_used_and_its_password_is_nowhere() {
    let authority = Authority::new();
    let host = "rollcall.example.org";
    let upstream = StandIn::start_with_tls(authority.issue(host), |_| Reply::Stored);
    // user:secret-of-the-proxy
    let credentials = "Basic dXNlcjpzZWNyZXQtb2YtdGhlLXByb3h5";
    let proxy = ConnectProxy::to(upstream.address(), Some(credentials));
    let with = |password: &str| {
        let proxy = format!("http://user:{password}@{}", proxy.address());
        [
            ("ROLLCALL_UPSTREAM_CA_FILE", authority.file().display().to_string()),
            ("https_proxy", proxy),
        ]
    };
    let url = format!("https://{host}");
    let agent = GateAgent::start(&url, &with("secret-of-the-proxy"));
    agent.record("Cudanin");
    agent.wait_until_upstream("pending", 0);
    assert_eq!(proxy.asked()[0], format!("CONNECT {host}:443 HTTP/1.1"));

    let refused = GateAgent::start(&url, &with("wrong-secret"));
    refused.wait_until_reason("The proxy does not let the connection");
    for (agent, secret) in [(&agent, "secret-of-the-proxy"), (&refused, "wrong-secret")] {
        let log = agent.process.log();
        assert!(!log.iter().any(|line| line.contains(secret)), "{log:#?}");
    }

    // Without one, the name is looked up here.
    let direct = [("NO_PROXY", "example.org".to_owned())];
    let direct = GateAgent::start(&url, &[&with("x")[..], &direct].concat());
    direct.wait_until_reason("name is unknown");
}

#[test]
fn a_proxy_that_cannot_be_used_is_told_from_the_upstream() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Connections wait there, and nobody accepts them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (proxy, words) in [
        (format!("http://{closed}"), "Nothing accepts connections at the proxy's address"),
        ("http://proxy.invalid:3128".to_owned(), "The proxy's name is unknown"),
        (format!("http://{}", silent.local_addr().unwrap()), "The proxy does not answer in time"),
    ] {
        for url in ["https://rollcall.example.org", "http://rollcall.example.org"] {
            let proxies = ["https_proxy", "http_proxy"].map(|name| (name, proxy.clone()));
            let agent = GateAgent::start(url, &proxies);
            agent.wait_until_reason(words);
            assert_eq!(agent.upstream()["state"], "unreachable");
        }
    }
}

#[test]
fn http_where_the_upstream_speaks_https_is_told() {
    let authority = Authority::new();
    let upstream = StandIn::start_with_tls(authority.issue("localhost"), |_| Reply::Stored);
    let url = format!("http://localhost:{}", upstream.address().port());
    let agent = GateAgent::start(&url, &[]);
    agent.wait_until_reason("it may want https");
    // What other servers answer: words, or an alert of TLS.
    for reply in [
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n".into(),
        b"\x15\x03\x01\0\x02\x02\x46".to_vec(),
    ] {
        let upstream = StandIn::start(move |_| Reply::Raw(reply.clone()));
        let agent = GateAgent::start(&upstream.url(), &[]);
        agent.wait_until_reason("is not a Rollcall, or wants https");
        // It is wrong only once there was an answer of a Rollcall.
        upstream.answer_by(|_| Reply::Stored);
        agent.wait_until_upstream("state", "reachable");
        upstream.answer_by(|_| Reply::Raw(Vec::new()));
        agent.record("Cudanin");
        agent.wait_until_reason("The connection to the upstream broke off.");
    }
}

#[test]
fn an_address_where_nothing_listens_is_told() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let agent = GateAgent::start(&format!("http://127.0.0.1:{port}"), &[]);
    agent.record("Cudanin");
    agent.wait_until_reason("Nothing accepts connections");
    assert_eq!(agent.upstream()["state"], "unreachable");
}

#[test]
fn http_to_another_computer_is_warned_about() {
    let warns = |url: &str| {
        let agent = GateAgent::start(url, &[("http_proxy", "http://127.0.0.1:9".into())]);
        agent.process.log().iter().any(|line| line.contains("cross the network in clear"))
    };
    assert!(warns("http://rollcall.example.org"));
    assert!(!warns("https://rollcall.example.org"));
    assert!(!warns("http://localhost:9"));
}

/// As where packets get lost: connections stay open, and nothing answers.
#[test]
fn an_upstream_that_hangs_is_told_and_recovers() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let upstream = Process::serve(&store.environment());
    let agent = GateAgent::start(&format!("http://{}", upstream.address()), &[]);
    agent.wait_until_upstream("state", "reachable");
    upstream.signal("STOP");
    agent.record("Cudanin");
    agent.wait_until_reason("does not answer in time");
    // Recording goes on meanwhile.
    agent.record("Reyes");
    upstream.signal("CONT");
    agent.wait_until_upstream("pending", 0);
}

#[test]
fn an_agent_ends_in_time_while_it_sends() {
    let upstream = StandIn::start(|_| Reply::Silence);
    let mut agent = GateAgent::start(&upstream.url(), &[]);
    wait_until("it sends", || !upstream.received().is_empty());
    agent.process.signal("TERM");
    let ended = agent.process.wait(Duration::from_secs(15));
    assert!(ended.success(), "{ended}");
}
