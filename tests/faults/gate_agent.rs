use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::connection::{get, post};
use crate::support::process::Environment;
use crate::support::{Answer, Fresh, Process, StoreKind};

/// Longer than the longest pause of an agent.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A gate agent: the real binary, with a file of its own.
pub struct GateAgent {
    pub file: Fresh,
    pub process: Process,
    environment: Vec<(&'static str, String)>,
}

impl GateAgent {
    /// Forwards to `upstream`, a base URL.
    #[track_caller]
    pub fn start(upstream: &str, environment: &Environment) -> Self {
        Self::on(Fresh::bare(StoreKind::Embedded), upstream, environment)
    }

    /// The same on a file that may have entries.
    #[track_caller]
    pub fn on(file: Fresh, upstream: &str, environment: &Environment) -> Self {
        let own = [("ROLLCALL_UPSTREAM", upstream.to_owned()), ("ROLLCALL_LOG", "debug".into())];
        let environment = [&file.environment()[..], &own, environment].concat();
        let process = Process::serve(&environment);
        Self { file, process, environment }
    }

    /// Kills it, and starts it again with the same file.
    #[track_caller]
    pub fn restart(&mut self, environment: &Environment) {
        self.process.kill();
        self.environment.extend(environment.iter().cloned());
        self.process = Process::serve(&self.environment);
    }

    #[track_caller]
    pub fn record(&self, lastname: &str) -> Answer {
        let answer = post(
            self.process.address(),
            &json!({"firstname": "Arvin", "lastname": lastname, "gate": "A"}),
        );
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    }

    /// What `/health` has of the upstream.
    #[track_caller]
    pub fn upstream(&self) -> Value {
        get(self.process.address(), "/health").json()["upstream"].clone()
    }

    /// Waits until a member of that has a value.
    #[track_caller]
    pub fn wait_until_upstream(&self, member: &str, value: impl Into<Value>) {
        let value = value.into();
        self.wait_until(&format!("{member} is {value}"), |upstream| upstream[member] == value);
    }

    /// Waits until the reason has these words.
    #[track_caller]
    pub fn wait_until_reason(&self, words: &str) {
        self.wait_until(words, |upstream| {
            upstream["reason"].as_str().is_some_and(|reason| reason.contains(words))
        });
    }

    #[track_caller]
    fn wait_until(&self, what: &str, is_there: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let upstream = self.upstream();
            if is_there(&upstream) {
                return;
            }
            assert!(Instant::now() < deadline, "not within {TIMEOUT:?}: {what}: {upstream}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
