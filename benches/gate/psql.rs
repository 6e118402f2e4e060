use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::Result;
use crate::process::Process;

/// Ends the answer to each statement; no answer of ours holds it.
const END: &str = "-- end of answer --";

/// One session with PostgreSQL through its own client.
pub struct Psql {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Psql {
    /// A session as `postgres`, without a password.
    pub fn connect(address: SocketAddr, database: &str) -> Result<Self> {
        let mut child = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
            .args(["--set=ON_ERROR_STOP=1", "--file=-"])
            .args(["--username=postgres", "--dbname", database])
            .args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("psql: {e}"))?;
        let (input, output) = child.stdin.take().zip(child.stdout.take()).ok_or("not piped")?;
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Runs a statement and returns the lines that it answers.
    pub fn run(&mut self, sql: &str) -> Result<Vec<String>> {
        // The end is asked for by a statement and not by \echo, because only statements flush.
        write!(self.input, "{sql};\nSELECT '{END}';\n")?;
        let mut answer = Vec::new();
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err(format!("psql gave up at: {sql}").into());
            }
            match line.trim_end() {
                END => return Ok(answer),
                line => answer.push(line.to_owned()),
            }
        }
    }

    /// Runs a statement that answers one value.
    pub fn value(&mut self, sql: &str) -> Result<String> {
        let answer = self.run(sql)?;
        Ok(answer.into_iter().next().ok_or_else(|| format!("no answer to: {sql}"))?)
    }

    /// Copies what `select` finds to nowhere, and returns how long that took inside the session:
    /// from the statement sent to its last row received.
    pub fn time_copy(&mut self, select: &str) -> Result<Duration> {
        let select = select.replace('\n', " ");
        let answer = self.run(&format!(
            "\\timing on\nCOPY ({select}) TO STDOUT \\g /dev/null\n\\timing off\n"
        ))?;
        let milliseconds: f64 = answer
            .iter()
            .find_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse().ok())
            .ok_or("psql told no time")?;
        Ok(Duration::from_secs_f64(milliseconds / 1e3))
    }

    /// The server's first process, the parent of all others.
    pub fn postmaster(&mut self) -> Result<Process> {
        let own: u32 = self.value("SELECT pg_backend_pid()")?.parse()?;
        Process::new(own).parent()
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        // It may have ended by itself; what matters is that it has.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
