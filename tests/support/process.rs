use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

/// The limit for a start on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Names and values of environment variables. If a name is there twice, the last value counts.
pub type Environment = [(&'static str, String)];

/// `rollcall serve`, the real binary, in its own process. Dropping it kills the process.
pub struct Process {
    child: Child,
    address: SocketAddr,
    log: Arc<Log>,
}

/// The standard output and standard error of a process.
#[derive(Default)]
struct Log {
    output: Mutex<ProcessOutput>,
    changed: Condvar,
}

#[derive(Default)]
struct ProcessOutput {
    lines: Vec<String>,
    /// The number of pipes that have been read to the end: both, once the process has ended.
    closed: usize,
}

impl Process {
    /// Starts `rollcall serve` on a free port and waits until it listens.
    #[track_caller]
    pub fn serve(environment: &Environment) -> Self {
        Self::launch(command(&["serve"], environment))
    }

    /// The same with a limit on the number of open files, which the service cannot raise.
    #[track_caller]
    pub fn serve_with_file_limit(files: u64, environment: &Environment) -> Self {
        let limit = format!("--nofile={files}:{files}");
        let arguments = [&limit, env!("CARGO_BIN_EXE_rollcall"), "serve"];
        Self::launch(command_of("prlimit".as_ref(), &arguments, environment))
    }

    /// The same with the binary of the previous release, which `make test` builds.
    #[track_caller]
    pub fn serve_previous_release(environment: &Environment) -> Self {
        let binary = std::env::var_os("ROLLCALL_TEST_PREVIOUS_BINARY").unwrap_or_else(|| {
            panic!(
                "ROLLCALL_TEST_PREVIOUS_BINARY is not set. `make test` sets it to the previous \
                 release's binary, which tests/support/build-release.sh builds."
            )
        });
        Self::launch(command_of(&binary, &["serve"], environment))
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
        // From here on the child is killed even if this function panics.
        let mut process = Self { child, address: ([127, 0, 0, 1], 0).into(), log };
        let listening = process.wait_for_line("listening");
        process.address = listening["address"].as_str().unwrap().parse().unwrap();
        process
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines of its standard output and standard error so far.
    pub fn log(&self) -> Vec<String> {
        self.log.output.lock().unwrap().lines.clone()
    }

    /// The number of its open files, sockets included.
    pub fn open_files(&self) -> usize {
        self.files().len()
    }

    /// The number of its open sockets.
    pub fn open_sockets(&self) -> usize {
        let is_socket = |file: &PathBuf| file.to_string_lossy().starts_with("socket:");
        self.files().iter().filter(|file| is_socket(file)).count()
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        // A file may be closed after it was listed.
        files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok()).collect()
    }

    /// Its resident memory in bytes.
    pub fn resident_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        size.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Waits for a JSON line whose message begins with `message`, and returns it.
    #[track_caller]
    pub fn wait_for_line(&self, message: &str) -> Value {
        let find = |output: &ProcessOutput| {
            let parsed = output.lines.iter().filter_map(|line| serde_json::from_str(line).ok());
            let begins =
                |line: &Value| line["message"].as_str().is_some_and(|m| m.starts_with(message));
            parsed.into_iter().find(begins)
        };
        let done = |output: &ProcessOutput| output.closed == Log::PIPES || find(output).is_some();
        let output = self.log.wait(START_TIMEOUT, done);
        find(&output).unwrap_or_else(|| panic!("no {message:?} in {:#?}", output.lines))
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal by its short name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended by itself. Panics if that takes longer than `limit`.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let output = self.log.wait(limit, |output| output.closed == Log::PIPES);
        assert!(output.closed == Log::PIPES, "not ended within {limit:?}: {:#?}", output.lines);
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, so errors do not matter here.
        let ended = self.child.try_wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let last = &log[log.len().saturating_sub(20)..];
            eprintln!("the service's exit status: {ended:?}, its last log lines: {last:#?}");
        }
    }
}

impl Log {
    /// Standard output and standard error.
    const PIPES: usize = 2;

    fn drain(&self, pipe: impl Read) {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            self.output.lock().unwrap().lines.push(String::from_utf8_lossy(&line).into_owned());
            self.changed.notify_all();
        }
        self.output.lock().unwrap().closed += 1;
        self.changed.notify_all();
    }

    /// Waits until `done` holds, for at most `limit`.
    fn wait(
        &self,
        limit: Duration,
        done: impl Fn(&ProcessOutput) -> bool,
    ) -> MutexGuard<'_, ProcessOutput> {
        let output = self.output.lock().unwrap();
        self.changed.wait_timeout_while(output, limit, |output| !done(output)).unwrap().0
    }
}

/// Runs the binary with `arguments` and waits until it ends.
pub fn rollcall(arguments: &[&str], environment: &Environment) -> Output {
    command(arguments, environment).output().unwrap()
}

/// The binary with exactly this environment.
pub fn command(arguments: &[&str], environment: &Environment) -> Command {
    command_of(env!("CARGO_BIN_EXE_rollcall").as_ref(), arguments, environment)
}

fn command_of(binary: &OsStr, arguments: &[&str], environment: &Environment) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).env_clear();
    // The service spools sheets there, and `make test` checks that no files are left in it.
    command.env("TMPDIR", std::env::temp_dir());
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
