use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;
use crate::options::Options;
use crate::process::Process;
use crate::visitor::Visitor;

/// How long the service may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which store the service is given.
pub enum Store {
    /// A database of a PostgreSQL server.
    Postgres { address: SocketAddr, database: &'static str },
    /// A file.
    Embedded { file: PathBuf },
}

/// The service as it is shipped, in a process of its own.
pub struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    /// Starts it on a free port and waits until it is ready.
    pub fn start(options: &Options, store: &Store) -> Result<Self> {
        let address = free_address()?;
        let mut child = command(options, store, "serve")?
            .env("ROCKET_PORT", address.port().to_string())
            .spawn()
            .map_err(|e| format!("{}: {e}", options.binary.display()))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = Visitor::connect(address).and_then(|mut v| v.status("/readyz"));
            if status.is_ok_and(|status| status == 200) {
                return Ok(Self { child, address });
            }
            let ended = child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let _ = child.kill();
                child.wait()?;
                return Err(format!("the service does not start\n{}", log(options)).into());
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Brings the store's schema up to date.
    pub fn migrate(options: &Options, store: &Store) -> Result<()> {
        match command(options, store, "migrate")?.status()? {
            status if status.success() => Ok(()),
            status => Err(format!("rollcall migrate: {status}\n{}", log(options)).into()),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn process(&self) -> Process {
        Process::new(self.child.id())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself; what matters is that it has.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The service with nothing set but its store, so that every default is the shipped one.
///
/// Its access lines go to `/dev/null`: it pays for making and writing them, but the disk, which
/// belongs to the store here, does not.
fn command(options: &Options, store: &Store, name: &str) -> Result<Command> {
    let mut command = Command::new(&options.binary);
    command.arg(name).env_clear().env("TMPDIR", &options.directory);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log_path(options))?);
    match store {
        Store::Postgres { address, database } => command
            .env("DATABASE_HOSTNAME", address.ip().to_string())
            .env("DATABASE_PORT", address.port().to_string())
            .env("DATABASE_USER", "postgres")
            .env("DATABASE_NAME", database)
            .env("DATABASE_PASSWORD", ""),
        Store::Embedded { file } => command.env("DATABASE_FILE", file),
    };
    Ok(command)
}

fn log_path(options: &Options) -> PathBuf {
    options.directory.join("rollcall.log")
}

fn log(options: &Options) -> String {
    std::fs::read_to_string(log_path(options)).unwrap_or_default()
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
