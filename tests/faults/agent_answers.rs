//! A gate agent and the answers of an upstream, one after the other.

use std::time::Duration;

use serde_json::json;

use crate::connection::{Connection, get};
use crate::gate_agent::GateAgent;
use crate::stand_in::{Batch, Reply, SIGN_OF_LIFE, StandIn};
use crate::support::{Fresh, StoreKind, wait_until, wait_until_within};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The names in all batches so far, in the order of their arrival.
fn names(upstream: &StandIn) -> Vec<String> {
    let received = upstream.received();
    let entries = received.iter().flat_map(|batch| batch.entries());
    entries.map(|entry| entry["lastname"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_entry_is_forwarded_at_once_with_its_moment_and_its_id() {
    let upstream = StandIn::start(|_| Reply::Stored);
    let token = [("ROLLCALL_UPSTREAM_TOKEN", "some-token".to_owned())];
    let agent = GateAgent::start(&format!("{}/behind/", upstream.url()), &token);
    let empty = upstream.wait_for("a sign of life", |_| true);
    assert_eq!(empty.request_line, "POST /behind/table/batch HTTP/1.1");
    assert_eq!(empty.header("authorization"), Some("Bearer some-token"));
    assert_eq!((&empty.body["entries"], &empty.body["pending"]), (&json!([]), &json!(0)));
    assert!(empty.body["as_of"].is_string() && empty.body["oldest_pending"].is_null());

    let mut client = Connection::open(agent.process.address()).unwrap();
    let traceparent = format!("Traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    let entry = json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": "A"}).to_string();
    let stored = client.send("POST", "/table/create", &traceparent, &entry).unwrap().json();
    let batch = upstream.wait_for("the entry", |batch| !batch.entries().is_empty());
    assert_eq!(
        batch.entries(),
        [json!({
            "entry_id": stored["entry_id"],
            "occurred_at": stored["received_at"],
            "firstname": "Arvin",
            "lastname": "Cudanin",
            "gate": "A",
            "direction": "in",
        })]
    );
    let trace = |batch: &Batch| batch.header("traceparent").unwrap()[3..35].to_owned();
    // The trace of the client goes on, and what nobody began has one of its own.
    assert_eq!(trace(&batch), TRACE);
    assert_ne!(trace(&empty), TRACE);
    let line = agent.process.wait_for_line("forwarded");
    assert_eq!((&line["trace_id"], &line["stored"]), (&json!(TRACE), &json!(1)));

    agent.wait_until_upstream("pending", 0);
    let health = agent.upstream();
    assert_eq!((&health["state"], &health["reason"]), (&json!("reachable"), &json!(null)));
    assert_eq!((&health["rejected"], &health["oldest_pending"]), (&json!(0), &json!(null)));
    assert!(health["last_forwarded_at"].is_string());
}

#[test]
fn what_was_recorded_while_the_upstream_was_away_follows_in_order_and_once() {
    let upstream = StandIn::start(|_| Reply::Status(503, "Retry-After: 0\r\n", String::new()));
    let mut agent = GateAgent::start(&upstream.url(), &[]);
    let expected: Vec<_> = (0..20).map(|number| format!("Number {number}")).collect();
    expected.iter().for_each(|name| drop(agent.record(name)));
    let health = agent.upstream();
    assert_eq!((&health["state"], &health["pending"]), (&json!("unreachable"), &json!(20)));
    let oldest = &get(agent.process.address(), "/table/changes").json()["changes"][0]["entry"];
    assert_eq!(health["oldest_pending"], oldest["received_at"]);
    assert_eq!(get(agent.process.address(), "/readyz").status, 200);
    agent.restart(&[]);
    let before = upstream.received().len();
    upstream.answer_by(|_| Reply::Stored);
    agent.wait_until_upstream("pending", 0);
    let received = upstream.received();
    let stored: Vec<_> = received[before..]
        .iter()
        .flat_map(|batch| batch.entries())
        .map(|entry| entry["lastname"].as_str().unwrap())
        .collect();
    assert_eq!(stored[stored.len() - 20..], expected);
    assert_eq!(agent.upstream()["state"], "reachable");
}

#[test]
fn large_batches_are_halved_until_they_are_small_enough() {
    let upstream = StandIn::start(|batch| match batch.entries().len() {
        0..=130 => Reply::Stored,
        _ => Reply::Status(413, "", String::new()),
    });
    let file = Fresh::migrated(StoreKind::Embedded);
    file.sql(MANY);
    let agent = GateAgent::on(file, &upstream.url(), &[]);
    agent.wait_until_upstream("pending", 0);
    let sizes: Vec<_> = upstream.received().iter().map(|batch| batch.entries().len()).collect();
    assert_eq!(sizes.iter().max(), Some(&500), "{sizes:?}");
    assert!(sizes.windows(3).any(|sizes| sizes == [500, 250, 125]), "{sizes:?}");
    let unique: std::collections::HashSet<_> = names(&upstream).into_iter().collect();
    assert_eq!(unique.len(), 1_200);
}

const MANY: &str = "
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1200)
    INSERT INTO attendance (entry_id, login, received_at, lastname, firstname)
    SELECT printf('%08x-0000-4000-8000-%012x', n, n), 1790000000000000 + n, 1790000000000000 + n,
        'Number ' || n, 'x'
    FROM n";

#[test]
fn a_rejected_entry_holds_nobody_up_and_is_tried_again_after_a_restart() {
    let reject = |status: u16| {
        move |batch: &Batch| {
            batch.results(|entry| if entry["lastname"] == "Bad" { status } else { 201 })
        }
    };
    for (status, words) in [
        (400, "has rejected 1 entry as invalid"),
        (403, "has rejected 1 entry of another gate"),
        (422, "has rejected 1 entry, because it has others with the same entry_id"),
    ] {
        let upstream = StandIn::start(reject(status));
        let mut agent = GateAgent::start(&upstream.url(), &[]);
        for name in ["Good", "Bad", "Better"] {
            agent.record(name);
        }
        wait_until("all are sent", || names(&upstream).contains(&"Better".to_owned()));
        agent.wait_until_upstream("rejected", 1);
        let health = agent.upstream();
        assert_eq!((&health["pending"], &health["state"]), (&json!(0), &json!("reachable")));
        let line = agent.process.wait_for_line("the upstream did not store");
        assert_eq!((&line["status"], &line["code"]), (&json!(status), &json!("some_code")));
        assert!(line["entry_id"].is_string());
        let reason = health["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
        // What may follow is told to the upstream as what this gate still holds.
        agent.record("Best");
        let best = upstream.wait_for("the next one", |batch| {
            batch.entries().iter().any(|entry| entry["lastname"] == "Best")
        });
        assert_eq!(best.body["pending"], u64::from(status != 422));
        assert_eq!(best.body["oldest_pending"].is_string(), status != 422);

        upstream.answer_by(|_| Reply::Stored);
        let before = upstream.received().len();
        agent.restart(&[]);
        wait_until("it is tried again", || {
            let received = upstream.received();
            let again = received[before..].iter().flat_map(|batch| batch.entries());
            again.into_iter().any(|entry| entry["lastname"] == "Bad")
        });
        agent.wait_until_upstream("pending", 0);
        let health = agent.upstream();
        assert_eq!((&health["rejected"], &health["reason"]), (&json!(0), &json!(null)));
    }
}

#[test]
fn an_entry_that_the_upstream_fails_to_store_holds_nobody_up_and_is_tried_again() {
    let upstream = StandIn::start(|batch| {
        batch.results(|entry| if entry["lastname"] == "Unlucky" { 500 } else { 201 })
    });
    let agent = GateAgent::start(&upstream.url(), &[]);
    for name in ["Unlucky", "Lucky"] {
        agent.record(name);
    }
    wait_until("both are sent", || names(&upstream).contains(&"Lucky".to_owned()));
    agent.wait_until_upstream("pending", 1);
    let health = agent.upstream();
    assert_eq!((&health["rejected"], &health["state"]), (&json!(0), &json!("reachable")));
    assert!(health["reason"].as_str().unwrap().contains("fails to store 1 entry"), "{health}");
    let sent = |name| names(&upstream).iter().filter(|held| *held == name).count();
    let before = sent("Unlucky");
    upstream.answer_by(|_| Reply::Stored);
    wait_until_within(SIGN_OF_LIFE + Duration::from_secs(15), "a retry", || {
        agent.upstream()["pending"] == 0
    });
    assert_eq!((sent("Unlucky"), sent("Lucky")), (before + 1, 1));
}

#[test]
fn any_other_answer_holds_the_line_and_is_told_in_plain_words() {
    let other_entry = json!({"results": [
        {"status": 201, "entry": {"entry_id": "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f"}},
    ]});
    let other_entry = other_entry.to_string();
    let too_long = format!("{}{}", " ".repeat(5 * 1024 * 1024), r#"{"results": []}"#);
    for (status, head, body, state, words) in [
        (401, "", "{}", "refused", "asks for a token"),
        (403, "", "{}", "refused", "needs the role gate"),
        (404, "", "{}", "refused", "There is no Rollcall"),
        (405, "", "{}", "refused", "There is no Rollcall"),
        (413, "", "{}", "refused", "even a single entry as too large"),
        (400, "", "{}", "refused", "refuses what this gate sends"),
        (302, "Location: /elsewhere\r\n", "", "refused", "leads elsewhere"),
        (307, "Location: /elsewhere\r\n", "", "refused", "leads elsewhere"),
        (503, "Retry-After: 1\r\n", "", "unreachable", "is busy, or cannot reach"),
        (429, "", "", "unreachable", "is busy, or cannot reach"),
        (500, "", "", "unreachable", "a defect of its own"),
        (502, "", "", "unreachable", "before the upstream cannot reach it"),
        (200, "", "<html>Sign in</html>", "refused", "is not a Rollcall"),
        (200, "", r#"{"results": []}"#, "refused", "is not a Rollcall"),
        (200, "", &other_entry, "refused", "is not a Rollcall"),
        (200, "", &too_long, "refused", "is not a Rollcall"),
        (204, "", "", "refused", "is not a Rollcall"),
    ] {
        let answer = body.to_owned();
        let upstream = StandIn::start(move |_| Reply::Status(status, head, answer.clone()));
        let agent = GateAgent::start(&upstream.url(), &[]);
        agent.record("Cudanin");
        agent.wait_until_reason(words);
        let health = agent.upstream();
        assert_eq!((&health["state"], &health["pending"]), (&json!(state), &json!(1)), "{words}");
        let line = agent.process.wait_for_line("entries wait here: ");
        assert_eq!(line["level"], "WARN");
        upstream.answer_by(|_| Reply::Stored);
        agent.wait_until_upstream("pending", 0);
        assert_eq!(agent.upstream()["state"], "reachable");
        let received = upstream.received();
        assert!(received.iter().all(|batch| batch.request_line.contains("/table/batch")));
    }
}

#[test]
fn a_broken_answer_or_none_holds_the_line_too() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"re".to_vec();
    for (bytes, words) in [
        (half, "broke off"),
        (Vec::new(), "ended without an answer"),
        (b"220 mail.example.org ESMTP\r\n".to_vec(), "is not a Rollcall"),
    ] {
        let upstream = StandIn::start(move |_| Reply::Raw(bytes.clone()));
        let agent = GateAgent::start(&upstream.url(), &[]);
        agent.record("Cudanin");
        agent.wait_until_reason(words);
        upstream.answer_by(|_| Reply::Stored);
        agent.wait_until_upstream("pending", 0);
    }
}

#[test]
fn retry_after_is_heeded() {
    let upstream = StandIn::start(|_| Reply::Status(503, "Retry-After: 3\r\n", String::new()));
    let agent = GateAgent::start(&upstream.url(), &[]);
    let first = upstream.wait_for("the first batch", |_| true);
    // New entries do not hasten it.
    (0..20).for_each(|_| drop(agent.record("Cudanin")));
    wait_until("the second batch", || upstream.received().len() == 2);
    let second = &upstream.received()[1];
    let pause = second.at - first.at;
    assert!((Duration::from_secs(3)..Duration::from_secs(5)).contains(&pause), "{pause:?}");
    assert_eq!(second.entries().len(), 20);
}

#[test]
fn while_it_waits_for_long_the_upstream_sees_signs_of_life() {
    let upstream = StandIn::start(|_| Reply::Status(503, "Retry-After: 3600\r\n", String::new()));
    let agent = GateAgent::start(&upstream.url(), &[]);
    let first = upstream.wait_for("the first batch", |_| true);
    agent.record("Cudanin");
    wait_until_within(SIGN_OF_LIFE, "a sign of life", || upstream.received().len() == 2);
    let second = &upstream.received()[1];
    assert!(second.at - first.at >= Duration::from_secs(20));
    assert_eq!((second.entries().len(), &second.body["pending"]), (0, &json!(1)));
    // The next sign of life shows that the hour need not be waited for.
    upstream.answer_by(|_| Reply::Stored);
    agent.wait_until_upstream("pending", 0);
    assert_eq!(names(&upstream), ["Cudanin"]);
}

#[test]
fn a_token_file_that_breaks_is_told_once_its_token_is_refused() {
    let upstream = StandIn::start(|_| Reply::Stored);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let path = file.display().to_string();
    let agent = GateAgent::start(&upstream.url(), &[("ROLLCALL_UPSTREAM_TOKEN_FILE", path)]);
    agent.wait_until_upstream("state", "reachable");
    let only = |token: &'static str| {
        move |batch: &Batch| match batch.header("authorization") == Some(token) {
            true => Reply::Stored,
            false => Reply::Status(401, "", "{}".to_owned()),
        }
    };
    for (number, broken) in [None, Some(""), Some("two words\n")].into_iter().enumerate() {
        match broken {
            None => std::fs::remove_file(&file).unwrap(),
            Some(text) => std::fs::write(&file, text).unwrap(),
        }
        upstream.answer_by(only("Bearer second"));
        agent.record("Cudanin");
        agent.wait_until_reason("The file of ROLLCALL_UPSTREAM_TOKEN_FILE cannot be read");
        assert_eq!(agent.upstream()["pending"], 1);
        std::fs::write(&file, "second\n").unwrap();
        agent.wait_until_upstream("pending", 0);
        let told = agent.process.log();
        let told = told.iter().filter(|line| line.contains("entries wait here: The file of"));
        assert_eq!(told.count(), number + 1);
        upstream.answer_by(only("Bearer third"));
        std::fs::write(&file, "third\n").unwrap();
        agent.record("Cudanin");
        agent.wait_until_upstream("pending", 0);
    }
}

#[test]
fn what_was_forwarded_does_not_wait_while_the_first_answer_does() {
    let upstream = StandIn::start(|_| Reply::Stored);
    let mut agent = GateAgent::start(&upstream.url(), &[]);
    for name in ["a", "b", "c"] {
        agent.record(name);
    }
    agent.wait_until_upstream("pending", 0);
    agent.process.signal("TERM");
    assert!(agent.process.wait(Duration::from_secs(15)).success());
    upstream.answer_by(|_| Reply::Silence);
    let before = upstream.received().len();
    agent.restart(&[]);
    agent.record("d");
    wait_until("the first batch", || upstream.received().len() > before);
    let health = agent.upstream();
    assert_eq!((&health["pending"], &health["state"]), (&json!(1), &json!("unreachable")));
    assert!(health["last_forwarded_at"].is_string());
}
