use std::path::PathBuf;
use std::process::{Command, Stdio};

use diesel::pg::PgConnection;
use rollcall::store::{Password, PostgresTarget};
use tempfile::TempDir;

use super::database::try_connect;

/// A PostgreSQL server for one test, which may stop, kill and reconfigure it. Deleted when dropped.
pub struct Cluster {
    directory: TempDir,
    port: u16,
}

impl Cluster {
    pub fn start() -> Self {
        Self::make(&[])
    }

    /// With a certificate for `localhost`, in the file `server.crt`.
    pub fn start_with_tls() -> Self {
        Self::make(&["--tls"])
    }

    /// A streaming replica of `primary`, made with `pg_basebackup`. It already accepts connections.
    pub fn start_following(primary: &Self) -> Self {
        Self::make(&["--follow", &primary.port.to_string()])
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    fn make(options: &[&str]) -> Self {
        // Created first, so that it is dropped even if the server does not start.
        let mut cluster = Self { directory: tempfile::tempdir().unwrap(), port: 0 };
        let address = cluster.run("start", options);
        cluster.port = address.trim().rsplit_once(' ').unwrap().1.parse().unwrap();
        cluster
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), with the same data and
    /// port, and waits until it accepts connections.
    pub fn start_again(&self) {
        self.run("start", &[]);
    }

    /// Stops it without a checkpoint. All sessions break.
    pub fn stop(&self) {
        self.run("stop", &["immediate"]);
    }

    /// Kills all of its processes at once, like a power failure.
    pub fn kill(&self) {
        self.run("kill", &[]);
    }

    /// Stops its processes with SIGSTOP: connections stay open, the kernel accepts new ones, and
    /// nothing answers.
    pub fn pause(&self) {
        self.run("pause", &[]);
    }

    pub fn resume(&self) {
        self.run("resume", &[]);
    }

    /// A file in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The environment variables for a service that uses its only database and migrates it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let PostgresTarget { host, port, dbname, user, .. } = self.target();
        vec![
            ("DATABASE_HOSTNAME", host),
            ("DATABASE_PORT", port.to_string()),
            ("DATABASE_NAME", dbname),
            ("DATABASE_USER", user),
            ("ROLLCALL_MIGRATE_ON_START", "true".into()),
        ]
    }

    /// A direct session, as an operator has it.
    pub fn session(&self) -> PgConnection {
        try_connect(&self.target()).unwrap()
    }

    fn target(&self) -> PostgresTarget {
        PostgresTarget {
            host: "127.0.0.1".into(),
            port: self.port,
            dbname: "postgres".into(),
            user: "postgres".into(),
            password: Password("unused".into()),
            sslmode: "prefer".into(),
            sslrootcert: None,
        }
    }

    fn run(&self, command: &str, options: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/postgres.sh");
        let done = Command::new("bash")
            .args([script, command])
            .arg(self.directory.path())
            .args(options)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(done.status.success(), "{command}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let destroyed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.run("destroy", &[]);
        }));
        // A second panic would hide the reason of the first one.
        assert!(destroyed.is_ok() || std::thread::panicking());
    }
}
