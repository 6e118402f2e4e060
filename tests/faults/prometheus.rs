//! A real Prometheus scrapes the service under load, and every query of the dashboard and of the
//! alerts about the service finds data.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::connection::{Connection, get};
use crate::gate_agent::GateAgent;
use crate::prometheus_server::{PrometheusServer, program};
use crate::support::{Fresh, Process, StoreKind, wait_until};

const DASHBOARD: &str = include_str!("../../helm/rollcall/files/dashboard.json");

/// The expressions of all panels, each with its panel's title.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"]
                .as_str()
                .unwrap()
                .replace("$namespace", "gates")
                .replace("$job", "rollcall")
                .replace("$__rate_interval", "1m");
            assert!(!expression.contains('$'), "{expression}");
            queries.push((panel["title"].as_str().unwrap().to_owned(), expression));
        }
    }
    queries
}

/// Requests of every kind that is counted, again and again until `stop`.
fn use_everything(address: SocketAddr, stop: &AtomicBool) {
    let mut connection = Connection::open(address).unwrap();
    while !stop.load(Ordering::Relaxed) {
        for body in [
            json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": "A"}),
            json!({"firstname": "Arvin", "lastname": "Cudanin"}),
            json!({"firstname": ""}),
        ] {
            connection.post(&body.to_string()).unwrap();
        }
        let entry = json!({"firstname": "a", "lastname": "b", "entry_id": Uuid::now_v7()});
        let batch = json!({"entries": [entry]}).to_string();
        connection.send("POST", "/table/batch", "", &batch).unwrap();
        connection.get("/table/view/date:today").unwrap();
        // Waits for news, of which there are none while a transaction holds them up.
        connection.get("/table/changes?after=1&wait=1").unwrap();
    }
}

#[test]
fn every_query_of_the_dashboard_finds_data() {
    let store = Fresh::migrated(StoreKind::Postgres);
    let setting = [("ROLLCALL_METRICS_PORT", "0".to_owned())];
    let service = Process::serve(&[&store.environment()[..], &setting].concat());
    let line = service.wait_for_line("listening");
    let port: SocketAddr = line["metrics_address"].as_str().unwrap().parse().unwrap();
    let labels = json!({"namespace": "gates", "pod": "a"});
    let gate = GateAgent::start(&format!("http://{}", service.address()), &[]);
    let gates = ("gates", gate.process.address(), json!({}));
    let prometheus = PrometheusServer::start(&[("rollcall", port, labels), gates], "groups: []");

    let mut connection = Connection::open(service.address()).unwrap();
    let entry = json!({"firstname": "Arvin", "lastname": "Cudanin"});
    assert_eq!(connection.post(&entry.to_string()).unwrap().status, 201);
    // Holds up the changes for as long as it is open.
    let mut open = store.postgres();
    open.batch_execute(
        "BEGIN; INSERT INTO attendance (login, received_at, firstname, lastname, entry_id)
         VALUES (now(), now(), 'a', 'b', gen_random_uuid())",
    )
    .unwrap();

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| use_everything(service.address(), &stop));
        let mut missing = queries();
        assert!(missing.len() > 20, "{missing:?}");
        let found_all = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until("every query finds data", || {
                missing.retain(|(_, expression)| prometheus.query(expression).is_empty());
                missing.is_empty()
            });
        }));
        stop.store(true, Ordering::Relaxed);
        assert!(found_all.is_ok(), "no data: {missing:#?}");
    });
    assert_eq!(prometheus.query("count(up{job=\"rollcall\"} == 1)"), [1.0]);
    assert_eq!(prometheus.query("sum(scrape_samples_scraped) > 50").len(), 1);
}

/// The names, types and help texts, as Prometheus' own linter sees them.
#[test]
fn promtool_has_nothing_to_say_about_the_metrics() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let service = Process::serve(&store.environment());
    let mut connection = Connection::open(service.address()).unwrap();
    let entry = json!({"firstname": "Arvin", "lastname": "Cudanin", "gate": "North \"B\" \\ Süd"});
    assert_eq!(connection.post(&entry.to_string()).unwrap().status, 201);
    connection.get("/table/view/date:today").unwrap();
    let metrics = as_prometheus_text(&get(service.address(), "/metrics").body);

    let mut promtool = program("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8(said).unwrap(), "", "{metrics}");
    assert!(output.status.success());
}

/// promtool reads Prometheus' older text format, in which a family of counters has the name of its
/// series, and there is no type for infos.
fn as_prometheus_text(open_metrics: &str) -> String {
    let suffix = |family: &str| {
        let kind = open_metrics
            .lines()
            .find_map(|line| line.strip_prefix("# TYPE ")?.strip_prefix(family)?.strip_prefix(' '));
        match kind.unwrap_or_else(|| panic!("{family} has no type")) {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        }
    };
    let mut text = String::new();
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        match line.strip_prefix("# ").map(|comment| comment.splitn(3, ' ').collect::<Vec<_>>()) {
            Some(comment) => {
                let [keyword, family, rest] = comment[..] else { panic!("{line}") };
                let rest = if rest == "info" { "gauge" } else { rest };
                text += &format!("# {keyword} {family}{} {rest}\n", suffix(family));
            }
            None => text += &format!("{line}\n"),
        }
    }
    text
}
