use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::rounds::Rounds;

/// Measures the service beside its stores. `benches/run` starts it with all it needs.
#[derive(Debug, clap::Parser)]
pub struct Options {
    /// The service as it is shipped.
    #[arg(long)]
    pub binary: PathBuf,
    /// A durable PostgreSQL server for this bench alone: user `postgres`, no password.
    #[arg(long)]
    pub postgres: SocketAddr,
    /// An empty directory that is removed afterwards, on the disk that the stores use.
    #[arg(long)]
    pub directory: PathBuf,
    /// How often each figure is measured; the table shows the median.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// One round of one second each, only to see that everything runs.
    #[arg(long)]
    pub quick: bool,
    /// Given by Cargo to every bench.
    #[arg(long, hide = true)]
    pub bench: bool,
}

impl Options {
    /// Rounds at full load.
    pub fn long_rounds(&self) -> Rounds {
        self.rounds_of(Duration::from_secs(4))
    }

    /// Rounds of one client.
    pub fn short_rounds(&self) -> Rounds {
        self.rounds_of(Duration::from_secs(2))
    }

    fn rounds_of(&self, time: Duration) -> Rounds {
        match self.quick {
            true => Rounds { count: 1, time: Duration::from_secs(1) },
            false => Rounds { count: self.rounds, time },
        }
    }
}
