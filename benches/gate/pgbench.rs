use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::run::Seen;

/// One durable insert per transaction, of what [`Creates`](crate::creates::Creates) sends, into a
/// table of its own. Nothing is sent but the statement's name, which favours pgbench.
const SCRIPT: &str = "INSERT INTO attendance_baseline
    (entry_id, login, received_at, lastname, firstname, gate)
    VALUES (gen_random_uuid(), now(), now(), 'Cudanin', 'Arvin', 'A');\n";

/// PostgreSQL's own load generator.
pub struct Pgbench<'a> {
    address: SocketAddr,
    database: &'a str,
    directory: &'a Path,
}

impl<'a> Pgbench<'a> {
    /// SQL that makes its table, with the same columns, indexes and rows as the service's.
    pub const TABLE: &'static str =
        "CREATE TABLE attendance_baseline (LIKE attendance INCLUDING ALL);
        INSERT INTO attendance_baseline (entry_id, login, received_at, lastname, firstname, gate)
        SELECT entry_id, login, received_at, lastname, firstname, gate FROM attendance ORDER BY id";

    /// Puts its script into `directory`.
    pub fn new(address: SocketAddr, database: &'a str, directory: &'a Path) -> Result<Self> {
        fs::write(directory.join("insert.sql"), SCRIPT)?;
        Ok(Self { address, database, directory })
    }

    /// Transactions of so many clients; `time` is in whole seconds, as pgbench wants it.
    ///
    /// Latencies are measured of a single client only: to log them costs pgbench time of its own.
    pub fn measure(&self, clients: usize, time: Duration) -> Result<Seen> {
        let log: &[&str] = if clients == 1 { &["--log", "--log-prefix=transactions"] } else { &[] };
        let report = self.run(clients, time, log)?;
        let number = |name: &str| -> Result<f64> {
            let value = report.lines().find_map(|line| line.strip_prefix(name)?.split(' ').next());
            Ok(value.ok_or_else(|| format!("pgbench tells no {name:?}"))?.parse()?)
        };
        Ok(Seen {
            creates: number("number of transactions actually processed: ")? as u64,
            // Without the time it takes to connect.
            rate: number("tps = ")?,
            latencies: self.take_latencies()?,
        })
    }

    fn run(&self, clients: usize, time: Duration, more: &[&str]) -> Result<String> {
        let output = Command::new("pgbench")
            .current_dir(self.directory)
            .args(["--no-vacuum", "--protocol=prepared", "--file=insert.sql"])
            .args(["--client", &clients.to_string(), "--jobs", &clients.min(2).to_string()])
            .args(["--time", &time.as_secs().to_string()])
            .args(["--host", &self.address.ip().to_string()])
            .args(["--port", &self.address.port().to_string()])
            .args(["--username=postgres", self.database])
            .args(more)
            .output()
            .map_err(|e| format!("pgbench: {e}"))?;
        match output.status {
            status if status.success() => Ok(String::from_utf8(output.stdout)?),
            status => {
                Err(format!("pgbench: {status}\n{}", String::from_utf8_lossy(&output.stderr))
                    .into())
            }
        }
    }

    /// Reads the latencies that were logged, and removes the log.
    fn take_latencies(&self) -> Result<Vec<Duration>> {
        let mut latencies = Vec::new();
        for file in fs::read_dir(self.directory)? {
            let file = file?;
            if !file.file_name().to_string_lossy().starts_with("transactions.") {
                continue;
            }
            // Fields: client, transaction, microseconds, script, when.
            for line in fs::read_to_string(file.path())?.lines() {
                let microseconds = line.split(' ').nth(2).ok_or("pgbench's log is cut short")?;
                latencies.push(Duration::from_micros(microseconds.parse()?));
            }
            fs::remove_file(file.path())?;
        }
        latencies.sort_unstable();
        Ok(latencies)
    }
}
