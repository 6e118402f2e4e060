use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

/// How long a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Names and values of environment variables; of two with one name, the later counts.
pub type Environment = [(&'static str, String)];

/// The real binary as it serves, in a process of its own, which is killed when this is dropped.
pub struct Process {
    child: Child,
    address: SocketAddr,
    log: Arc<Log>,
}

/// What a process says on its standard output and standard error.
#[derive(Default)]
struct Log {
    said: Mutex<Said>,
    changed: Condvar,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    /// The pipes that have been read to their end: both, once the process has ended.
    closed: usize,
}

impl Process {
    /// Starts `rollcall serve` on a free port and waits until it listens.
    #[track_caller]
    pub fn serve(environment: &Environment) -> Self {
        Self::launch(command(&["serve"], environment))
    }

    /// The same by the release before this one. `make test` names its binary; before there was a
    /// release, this one stands in.
    #[track_caller]
    pub fn serve_previous_release(environment: &Environment) -> Self {
        let binary = std::env::var_os("ROLLCALL_TEST_PREVIOUS_BINARY");
        Self::launch(binary.map_or_else(
            || command(&["serve"], environment),
            |binary| command_of(&binary, &["serve"], environment),
        ))
    }

    #[track_caller]
    fn launch(mut serve: Command) -> Self {
        let mut child =
            serve.env("ROCKET_PORT", "0").env("ROLLCALL_LOG_FORMAT", "json").spawn().unwrap();
        let log = Arc::new(Log::default());
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let [out, err] = [log.clone(), log.clone()];
        std::thread::spawn(move || out.drain(stdout));
        std::thread::spawn(move || err.drain(stderr));
        // From here on the child is killed whatever happens.
        let mut process = Self { child, address: ([127, 0, 0, 1], 0).into(), log };
        let listening = process.wait_for_line("listening");
        process.address = listening["address"].as_str().unwrap().parse().unwrap();
        process
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that it has written to standard output and to standard error so far.
    pub fn log(&self) -> Vec<String> {
        self.log.said.lock().unwrap().lines.clone()
    }

    /// Waits for a line of JSON with this message, and returns it.
    #[track_caller]
    pub fn wait_for_line(&self, message: &str) -> Value {
        let find = |said: &Said| {
            let parsed = said.lines.iter().filter_map(|line| serde_json::from_str(line).ok());
            parsed.into_iter().find(|line: &Value| line["message"] == message)
        };
        let said =
            self.log.wait(PATIENCE, |said| said.closed == Log::PIPES || find(said).is_some());
        find(&said).unwrap_or_else(|| panic!("no {message:?} in {:#?}", said.lines))
    }

    /// Ends it as a power failure would: it cannot finish anything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal by its short name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended by itself, which must be within `limit`.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let said = self.log.wait(limit, |said| said.closed == Log::PIPES);
        assert!(said.closed == Log::PIPES, "not ended within {limit:?}: {:#?}", said.lines);
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; what matters is that it has.
        let ended = self.child.try_wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let last = &log[log.len().saturating_sub(20)..];
            eprintln!("the service, ended by itself: {ended:?}, said last: {last:#?}");
        }
    }
}

impl Log {
    /// Standard output and standard error.
    const PIPES: usize = 2;

    fn drain(&self, pipe: impl Read) {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            self.said.lock().unwrap().lines.push(String::from_utf8_lossy(&line).into_owned());
            self.changed.notify_all();
        }
        self.said.lock().unwrap().closed += 1;
        self.changed.notify_all();
    }

    /// Waits until `enough` holds, or for as long as `limit`.
    fn wait(&self, limit: Duration, enough: impl Fn(&Said) -> bool) -> MutexGuard<'_, Said> {
        let said = self.said.lock().unwrap();
        self.changed.wait_timeout_while(said, limit, |said| !enough(said)).unwrap().0
    }
}

/// Runs the binary with `arguments` to its end.
pub fn rollcall(arguments: &[&str], environment: &Environment) -> Output {
    command(arguments, environment).output().unwrap()
}

/// The binary with nothing in its environment but what is given here.
pub fn command(arguments: &[&str], environment: &Environment) -> Command {
    command_of(env!("CARGO_BIN_EXE_rollcall").as_ref(), arguments, environment)
}

fn command_of(binary: &OsStr, arguments: &[&str], environment: &Environment) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).env_clear();
    // Where sheets are spooled: `make test` looks for files left behind there.
    command.env("TMPDIR", std::env::temp_dir());
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
