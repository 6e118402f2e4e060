//! Each alert of the chart fires in a real Prometheus, when what it warns of is brought about in a service.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::connection::{get, post};
use crate::gate_agent::GateAgent;
use crate::prometheus_server::PrometheusServer;
use crate::rejected_row::add_trigger;
use crate::stand_in::{Reply, StandIn};
use crate::support::{Fresh, Options, StoreKind, TestApp, wait_until};

const RULES: &str = include_str!("../../helm/rollcall/files/alerts.yaml");

/// The rules, with seconds in the place of minutes.
fn quick_rules() -> String {
    let mut rules = RULES.to_owned();
    for (usual, quick) in [("[5m]", "[5s]"), ("[15m]", "[5s]"), (") > 300", ") > 1")] {
        assert!(rules.contains(usual), "{usual}");
        rules = rules.replace(usual, quick);
    }
    let quick = |line: &str| match line.split_once("for: ") {
        Some((indent, _)) if indent.trim().is_empty() => format!("{indent}for: 1s\n"),
        _ => format!("{line}\n"),
    };
    rules.lines().map(quick).collect()
}

/// What the alerts ask kube-state-metrics for. Stands in for it, since there is no cluster.
struct KubeStateMetrics {
    address: SocketAddr,
    is_well: Arc<AtomicBool>,
}

impl KubeStateMetrics {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_well = Arc::new(AtomicBool::new(true));
        let state = is_well.clone();
        // Ends with the process.
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let request = BufReader::new(connection.try_clone().unwrap());
                request
                    .lines()
                    .take_while(|line| line.as_ref().is_ok_and(|l| !l.is_empty()))
                    .count();
                let is_well = state.load(Ordering::Relaxed);
                let (ready, failed) = (u8::from(is_well), u8::from(!is_well));
                let job = |name| {
                    format!(
                        "kube_job_failed{{namespace=\"rollcall\",job_name=\"rollcall-{name}-1\",\
                         condition=\"true\"}} {failed}\n"
                    )
                };
                let replicas = format!(
                    "kube_deployment_status_replicas_ready{{namespace=\"rollcall\",\
                     deployment=\"rollcall\"}} {ready}\n"
                );
                let text = replicas + &job("migrate") + &job("retention");
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close";
                // Prometheus may have given up.
                let _ =
                    write!(connection, "{head}\r\nContent-Length: {}\r\n\r\n{text}", text.len());
            }
        });
        Self { address, is_well }
    }
}

/// Alerts, by their names.
struct Alerts {
    prometheus: PrometheusServer,
    not_seen: BTreeSet<String>,
}

impl Alerts {
    fn firing(&self) -> BTreeSet<String> {
        let rules = self.prometheus.rules();
        let firing = rules.iter().filter(|rule| rule["state"] == "firing");
        firing.map(|rule| rule["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until all of these have fired.
    #[track_caller]
    fn wait_for(&mut self, names: &[&str]) {
        let mut missing: BTreeSet<String> =
            names.iter().map(|name| format!("Rollcall{name}")).collect();
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until("the alerts fire", || {
                for name in self.firing() {
                    missing.remove(&name);
                    self.not_seen.remove(&name);
                }
                missing.is_empty()
            });
        }));
        assert!(seen.is_ok(), "not firing: {missing:?}; {:#?}", self.prometheus.rules());
    }
}

fn visitor(lastname: &str) -> Value {
    json!({"firstname": "Arvin", "lastname": lastname})
}

/// Does something again and again, in a thread of its own, until `over`.
fn again_and_again<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    over: &'scope AtomicBool,
    pause: Duration,
    mut act: impl FnMut() + Send + 'scope,
) {
    scope.spawn(move || {
        while !over.load(Ordering::Relaxed) {
            act();
            // The pace of the load, not a wait for something.
            thread::sleep(pause);
        }
    });
}

#[test]
fn each_alert_fires_when_it_should() {
    const QUEUE_LIMIT: usize = 8;
    let store = Arc::new(Fresh::migrated(StoreKind::Postgres));
    add_trigger(&store);
    let not_a_replica = Fresh::migrated(StoreKind::Postgres);
    let timeout = Duration::from_secs(1);
    let replica = Some(not_a_replica.open(1, timeout));
    let app = TestApp::with(
        store.clone(),
        Options { queue_limit: QUEUE_LIMIT, pool_size: 2, timeout, replica, ..Options::default() },
    );
    let address = app.address();
    let cluster = KubeStateMetrics::start();
    let labels = json!({"namespace": "rollcall", "pod": "a"});
    let upstream = StandIn::start(|_| Reply::Status(503, "", String::new()));
    let gate = GateAgent::start(&upstream.url(), &[]);
    let targets = [
        ("rollcall", address, labels),
        ("kube-state-metrics", cluster.address, json!({})),
        ("gates", gate.process.address(), json!({})),
    ];
    let prometheus = PrometheusServer::start(&targets, &quick_rules());
    let names = RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut alerts = Alerts { prometheus, not_seen: names.map(str::to_owned).collect() };
    assert!(alerts.not_seen.len() > 10, "{:?}", alerts.not_seen);

    assert_eq!(post(address, &visitor("Cudanin")).status, 201);
    wait_until("all are scraped and all rules evaluated", || {
        let rules = alerts.prometheus.rules();
        let are_well =
            rules.len() == alerts.not_seen.len() && rules.iter().all(|rule| rule["health"] == "ok");
        are_well && alerts.prometheus.query("count(up == 1)") == [3.0]
    });
    // Until the first scrape there were no metrics.
    wait_until("no alert fires", || alerts.firing().is_empty());

    cluster.is_well.store(false, Ordering::Relaxed);
    gate.record("Cudanin");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = EndOnDrop(&over);
        // The sheets come from the primary, because the replica is not one.
        again_and_again(scope, &over, Duration::from_millis(100), || {
            get(address, "/table/view/date:today");
        });
        again_and_again(scope, &over, Duration::from_millis(100), || {
            post(address, &visitor("Rejected")).problem(500, "internal");
            post(address, &visitor("Cudanin"));
        });
        let mut open = store.postgres();
        open.batch_execute(
            "BEGIN; INSERT INTO attendance (login, received_at, firstname, lastname, entry_id)
             VALUES (now(), now(), 'a', 'b', gen_random_uuid())",
        )
        .unwrap();
        alerts.wait_for(&[
            "NoReadyReplica",
            "MigrateJobFailed",
            "RetentionFailed",
            "InternalErrors",
            "ReplicaFallback",
            "ChangesHeldUp",
            "EntriesWaitAtGate",
        ]);
    });

    // Nothing can be read or recorded.
    let mut lock = store.postgres();
    lock.batch_execute("BEGIN; LOCK TABLE attendance IN ACCESS EXCLUSIVE MODE").unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = EndOnDrop(&over);
        // One more than wait in the queue and at the writer, and few that are refused at once, so
        // that most of the entries are slow.
        for _ in 0..QUEUE_LIMIT + 2 {
            again_and_again(scope, &over, timeout / 4, || {
                let answer = post(address, &visitor("Cudanin"));
                assert_eq!(answer.status, 503, "{answer:?}");
            });
        }
        for gate in 0..4 {
            again_and_again(scope, &over, Duration::ZERO, move || {
                get(address, &format!("/table/view/date:today?gate={gate}"))
                    .problem(503, "store_unavailable");
            });
        }
        alerts.wait_for(&[
            "StoreUnavailable",
            "Busy",
            "QueueFilling",
            "SlowEntries",
            "ReadsWaiting",
        ]);
    });
    drop(lock);

    drop(app);
    alerts.wait_for(&["NotScraped"]);
    assert_eq!(alerts.not_seen, BTreeSet::new(), "a new alert needs a part in this test");
}

/// Ends the threads of a scope, after a failure too.
struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
