//! The gates in `examples/`, through an outage: what they have kept is stored exactly once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

use crate::connection::get;
use crate::load_balancer::LoadBalancer;
use crate::support::process::rollcall;
use crate::support::{Fresh, Process, StoreKind, wait_until};

/// A name with everything that JSON and a shell treat specially.
const ODD_NAME: &str = r#"Zoë "Z" \ $(id) 'O`Neil'"#;

/// A service that is away for a while, and a gate's way to it.
struct Site {
    store: Fresh,
    service: Option<Process>,
    balancer: LoadBalancer,
    spool: tempfile::TempDir,
    token: String,
}

impl Site {
    fn new() -> Self {
        let store = Fresh::migrated(StoreKind::Embedded);
        let service = serve(&store);
        let balancer = LoadBalancer::start(service.address());
        let create = ["token", "create", "gate-a", "--role", "gate", "--gate", "A"];
        let created = rollcall(&create, &store.environment());
        assert!(created.status.success(), "{created:?}");
        let token = String::from_utf8(created.stdout).unwrap().trim().to_owned();
        let spool = tempfile::tempdir().unwrap();
        Self { store, service: Some(service), balancer, spool, token }
    }

    fn gate(&self, program: &str) -> Command {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let mut command = Command::new(examples.join(program));
        command
            .env("ROLLCALL_URL", format!("http://{}", self.balancer.address()))
            .env("ROLLCALL_TOKEN", &self.token)
            .env("GATE", "A")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn stop(&mut self) {
        self.service.take().unwrap().kill();
    }

    fn start_again(&mut self) {
        let service = serve(&self.store);
        self.balancer.set_targets(&[service.address()]);
        self.service = Some(service);
    }

    /// Loses the answer to the next request, after the service has sent it.
    fn lose_next_answer(&self) {
        let service = self.service.as_ref().unwrap().address();
        self.balancer.set_targets(&[answer_loser(service)]);
    }

    fn find_answers_again(&self) {
        self.balancer.set_targets(&[self.service.as_ref().unwrap().address()]);
    }

    /// The names and directions that today's sheet has, in the order of the passages.
    fn people(&self) -> Vec<[String; 2]> {
        let service = self.service.as_ref().unwrap();
        let reader = ["token", "create", "reader", "--role", "reader"];
        let created = rollcall(&reader, &self.store.environment());
        let token = String::from_utf8(created.stdout).unwrap();
        let mut stream = TcpStream::connect(service.address()).unwrap();
        let request = format!(
            "GET /table/view/date:today HTTP/1.1\r\nHost: rollcall\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\n\r\n",
            token.trim()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let entries = crate::support::Answer::from_raw(&answer).json();
        let member = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
        let entries = entries.as_array().unwrap().iter();
        let of_gate = entries.inspect(|entry| assert_eq!(entry["gate"], "A"));
        of_gate.map(|entry| ["firstname", "direction"].map(|name| member(entry, name))).collect()
    }
}

fn serve(store: &Fresh) -> Process {
    let mut environment = store.environment();
    environment.push(("ROLLCALL_ACCESS", "token".into()));
    let service = Process::serve(&environment);
    wait_until("the service is ready", || get(service.address(), "/readyz").status == 200);
    service
}

/// Hands one request to `target`, waits for the answer, and closes the connection without it.
fn answer_loser(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let mut service = TcpStream::connect(target).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), service.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from, &mut to));
        service.read_exact(&mut [0]).unwrap();
        client.shutdown(std::net::Shutdown::Both).unwrap();
    });
    address
}

fn assert_status(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
}

#[test]
fn the_gate_in_shell_sends_everything_once_after_an_outage() {
    let mut site = Site::new();
    let run = |site: &Site, arguments: &[&str]| {
        let mut gate = site.gate("gate.sh");
        gate.args(arguments).env("SPOOL", site.spool.path()).output().unwrap()
    };
    let waiting = |site: &Site| {
        let files = std::fs::read_dir(site.spool.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".json")).count()
    };

    assert_status(&run(&site, &["record", "Anna", "B"]), 0);
    site.stop();
    assert_status(&run(&site, &["record", ODD_NAME, "B"]), 1);
    assert_status(&run(&site, &["record", "Carl", "B", "out"]), 1);
    assert_eq!(waiting(&site), 2);

    site.start_again();
    site.lose_next_answer();
    assert_status(&run(&site, &["send"]), 1);
    assert_eq!(waiting(&site), 2);
    site.find_answers_again();
    assert_status(&run(&site, &["send"]), 0);
    assert_eq!(waiting(&site), 0);
    let refused = run(&site, &["record", " ", "B"]);
    assert_status(&refused, 1);
    assert_eq!(std::fs::read_dir(site.spool.path().join("refused")).unwrap().count(), 2);

    assert_eq!(site.people(), [["Anna", "in"], [ODD_NAME, "in"], ["Carl", "out"]]);
}

/// The gate in Python while it runs.
struct PythonGate(Child);

impl PythonGate {
    fn start(site: &Site) -> Self {
        Self(site.gate("gate.py").env("SPOOL", site.spool.path().join("spool")).spawn().unwrap())
    }

    /// Hands over a passage and waits until it is kept.
    fn record(&mut self, line: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut kept = [0; "kept 01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f\n".len()];
        self.0.stdout.as_mut().unwrap().read_exact(&mut kept).unwrap();
        assert!(kept.starts_with(b"kept "), "{kept:?}");
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Ends its input and waits until it has sent everything.
    fn finish(self) -> String {
        let output = self.0.wait_with_output().unwrap();
        assert_status(&output, 0);
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn the_gate_in_python_sends_everything_once_after_an_outage_and_its_own_death() {
    let mut site = Site::new();
    let mut gate = PythonGate::start(&site);
    gate.record("Anna\tB");
    site.stop();
    gate.record(&format!("{ODD_NAME}\tB"));
    gate.record("Carl\tB\tout");
    gate.kill();

    site.start_again();
    site.lose_next_answer();
    let mut gate = PythonGate::start(&site);
    gate.record(" \tB");
    site.find_answers_again();
    let said = gate.finish();
    assert_eq!(said.matches("refused for good").count(), 1, "{said}");

    assert_eq!(site.people(), [["Anna", "in"], [ODD_NAME, "in"], ["Carl", "out"]]);
}
