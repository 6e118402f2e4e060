use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A program of Prometheus, which `tests/chart/install.sh` unpacks.
pub fn program(name: &str) -> Command {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tools/prometheus/usr/bin");
    let program = path.join(name);
    assert!(program.exists(), "{program:?} is missing: tests/chart/install.sh installs it");
    Command::new(program)
}

/// A Prometheus that scrapes its targets each second, and evaluates its rules four times a second.
pub struct PrometheusServer {
    child: Child,
    address: SocketAddr,
    agent: ureq::Agent,
    _files: TempDir,
}

impl PrometheusServer {
    /// Each target has the name of its job and the labels of its series. `rules` is YAML.
    pub fn start(targets: &[(&str, SocketAddr, Value)], rules: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        fs::write(files.path().join("rules.yml"), rules).unwrap();
        let scrape = |(job, target, labels): &(&str, SocketAddr, Value)| {
            json!({
                "job_name": job,
                "honor_labels": true,
                "static_configs": [{"targets": [target.to_string()], "labels": labels}],
            })
        };
        let config = json!({
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "250ms",
            },
            "rule_files": ["rules.yml"],
            "scrape_configs": targets.iter().map(scrape).collect::<Vec<_>>(),
        });
        // JSON is YAML.
        let file = files.path().join("prometheus.yml");
        fs::write(&file, config.to_string()).unwrap();
        // Free until now. Prometheus cannot say which port it has chosen.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = program("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", files.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--query.lookback-delta=1m", "--log.level=error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { child, address, agent, _files: files }
    }

    /// The values that `expression` has now, without those that are not numbers. Empty if there are
    /// none, and until Prometheus is up.
    pub fn query(&self, expression: &str) -> Vec<f64> {
        let Some(answer) = self.ask("query", &[("query", expression)]) else { return Vec::new() };
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let samples = answer["data"]["result"].as_array().unwrap();
        let values = samples.iter().map(|sample| sample["value"][1].as_str().unwrap());
        values.map(|value| value.parse().unwrap()).filter(|value: &f64| value.is_finite()).collect()
    }

    /// The rules and their states. Empty until Prometheus is up.
    pub fn rules(&self) -> Vec<Value> {
        let answer = self.ask("rules", &[]).unwrap_or_default();
        let groups = answer["data"]["groups"].as_array().into_iter().flatten();
        groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    }

    /// `None` until Prometheus is up.
    fn ask(&self, what: &str, query: &[(&str, &str)]) -> Option<Value> {
        let url = format!("http://{}/api/v1/{what}", self.address);
        let mut answer = self.agent.get(url).query_pairs(query.iter().copied()).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).ok()
    }
}

impl Drop for PrometheusServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
