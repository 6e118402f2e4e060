use std::time::Duration;

use crate::Result;
use crate::creates::Creates;
use crate::load::Load;
use crate::process::Process;
use crate::service::Service;
use crate::statistics::percentile;

/// One round of creates.
pub struct Run {
    /// Creates per second.
    pub rate: f64,
    /// Latency that half of the creates were not above, where it was measured.
    pub median: Option<Duration>,
    /// Latency that 99 of 100 creates were not above, where it was measured.
    pub p99: Option<Duration>,
    /// Processor time of the service for one create, if it took part.
    pub service: Option<Duration>,
    /// Processor time of PostgreSQL for one create, if it took part.
    pub database: Option<Duration>,
    /// Processor time for one create of whoever sent them.
    pub client: Duration,
}

/// What the clients of a round saw.
pub struct Seen {
    /// Creates in all, those included that came too late to count.
    pub creates: u64,
    /// Creates per second.
    pub rate: f64,
    /// In ascending order; none if they were not measured.
    pub latencies: Vec<Duration>,
}

/// Those whose processor time goes into a create, besides the client, which is this process or
/// a child of it.
#[derive(Clone, Copy, Default)]
pub struct Workers {
    pub service: Option<Process>,
    /// The first process of PostgreSQL, the parent of all others.
    pub postmaster: Option<Process>,
}

impl Run {
    /// Creates over HTTP, on so many connections that are opened before the clock starts.
    pub fn over_http(
        service: &Service,
        postmaster: Option<Process>,
        connections: usize,
        time: Duration,
        creates: &mut Creates,
    ) -> Result<Self> {
        let mut load = Load::connect(service.address(), connections)?;
        let workers = Workers { service: Some(service.process()), postmaster };
        Self::measure(workers, || load.run(time, creates))
    }

    /// The median latency in milliseconds.
    pub fn median_ms(&self) -> Option<f64> {
        self.median.map(|median| median.as_secs_f64() * 1e3)
    }

    /// Runs one round of creates and shares out what processor time it took.
    pub fn measure(workers: Workers, creates: impl FnOnce() -> Result<Seen>) -> Result<Self> {
        let before = workers.cpu_times()?;
        let seen = creates()?;
        let after = workers.cpu_times()?;
        let each = |now: Duration, then: Duration| {
            now.saturating_sub(then).div_f64(seen.creates.max(1) as f64)
        };
        let latency =
            |percent| (!seen.latencies.is_empty()).then(|| percentile(&seen.latencies, percent));
        Ok(Self {
            rate: seen.rate,
            median: latency(50),
            p99: latency(99),
            service: after.service.zip(before.service).map(|(now, then)| each(now, then)),
            database: after.database.zip(before.database).map(|(now, then)| each(now, then)),
            client: each(after.client, before.client),
        })
    }
}

struct CpuTimes {
    service: Option<Duration>,
    database: Option<Duration>,
    client: Duration,
}

impl Workers {
    fn cpu_times(self) -> Result<CpuTimes> {
        let client = Process::own();
        Ok(CpuTimes {
            service: self.service.map(Process::cpu_time).transpose()?,
            database: self.postmaster.map(Process::family_cpu_time).transpose()?,
            client: client.cpu_time()? + client.ended_children_cpu_time()?,
        })
    }
}
