//! The header `traceparent` in the log.

use std::time::Duration;

use serde_json::Value;

use crate::connection::Connection;
use crate::support::process::command;
use crate::support::{Fresh, Process, StoreKind};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The JSON lines of the log with this `request_id`.
fn lines_of(log: &[String], request_id: &str) -> Vec<Value> {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["request_id"] == request_id).collect()
}

#[test]
fn every_line_of_a_request_has_its_trace_id() {
    // Without its tables the store cannot serve a sheet, and the log says why.
    let store = Fresh::bare(StoreKind::Embedded);
    let setting = [("ROLLCALL_MIGRATE_ON_START", "false".to_owned())];
    let mut service = Process::serve(&[&store.environment()[..], &setting].concat());
    let mut connection = Connection::open(service.address()).unwrap();
    let valid = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let mut send = |id: &str, path: &str, traceparents: &[&str]| {
        let traceparents = traceparents.iter().map(|value| format!("Traceparent: {value}\r\n"));
        let headers = format!("X-Request-Id: {id}\r\n{}", traceparents.collect::<String>());
        let answer = connection.send("GET", path, &headers, "").unwrap();
        assert_eq!(answer.header("traceparent"), None, "{answer:?}");
        answer.status
    };
    assert_eq!(send("fine", "/livez", &[&valid]), 200);
    assert_eq!(send("unknown", "/nothing", &[&valid]), 404);
    assert_eq!(send("failed", "/table/view/date:today", &[&valid]), 503);
    assert_eq!(send("none", "/livez", &[]), 200);
    assert_eq!(send("malformed", "/livez", &[&valid.to_uppercase()]), 200);
    assert_eq!(send("injected", "/livez", &["00-\",\"status\":\"1"]), 200);
    assert_eq!(send("twice", "/livez", &[&valid, &valid]), 200);
    service.signal("TERM");
    assert!(service.wait(Duration::from_secs(15)).success());

    let log = service.log();
    for (id, count) in [("fine", 1), ("unknown", 1), ("failed", 2)] {
        let lines = lines_of(&log, id);
        assert_eq!(lines.len(), count, "{lines:#?}");
        assert!(lines.iter().all(|line| line["trace_id"] == TRACE), "{lines:#?}");
    }
    for id in ["none", "malformed", "injected", "twice"] {
        let lines = lines_of(&log, id);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert_eq!(lines[0].get("trace_id"), None, "{lines:#?}");
    }
}

#[test]
fn a_line_of_text_has_the_trace_id_too() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let mut environment = store.environment();
    environment.push(("ROCKET_PORT", "0".into()));
    environment.push(("ROLLCALL_LOG_FORMAT", "text".into()));
    let mut child = command(&["serve"], &environment).spawn().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    let address = loop {
        let mut line = String::new();
        assert_ne!(std::io::BufRead::read_line(&mut output, &mut line).unwrap(), 0, "{text}");
        text += &line;
        if let Some((_, rest)) = line.split_once("address=") {
            break rest.split_whitespace().next().unwrap().parse().unwrap();
        }
    };
    let headers = format!("X-Request-Id: x\r\nTraceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    Connection::open(address).unwrap().send("GET", "/livez", &headers, "").unwrap();
    let pid = child.id().to_string();
    assert!(
        std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success()
    );
    std::io::Read::read_to_string(&mut output, &mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let expected = format!("answered request_id=\"x\" trace_id=\"{TRACE}\" method=\"GET\"");
    assert!(text.contains(&expected), "{text}");
}
