use std::fmt;
use std::fs;
use std::time::Duration;

use crate::Result;
use crate::process::{Process, TICK};

/// The share of the processors that others may use before the figures mean little.
const QUIET: f64 = 0.05;

/// Watches what else runs on the machine while it is measured.
pub struct Company {
    postmaster: Process,
    begin: Times,
}

/// The share of the processors that others used.
pub struct Share(f64);

/// Processor time since the machine was started, of all processors together.
struct Times {
    all: Duration,
    /// Used by processes, ours among them, or by other machines on the same host.
    used: Duration,
    /// Used by this program, what it has started, and PostgreSQL.
    ours: Duration,
}

impl Company {
    /// Begins to watch.
    pub fn watch(postmaster: Process) -> Result<Self> {
        Ok(Self { postmaster, begin: Times::now(postmaster)? })
    }

    /// What others used since the beginning. Whatever this program has started must have ended.
    pub fn share(self) -> Result<Share> {
        let (begin, end) = (self.begin, Times::now(self.postmaster)?);
        let ours = end.ours.saturating_sub(begin.ours);
        let others = end.used.saturating_sub(begin.used).saturating_sub(ours);
        Ok(Share(others.as_secs_f64() / end.all.saturating_sub(begin.all).as_secs_f64()))
    }
}

impl Times {
    fn now(postmaster: Process) -> Result<Self> {
        let own = Process::own();
        let ours =
            own.cpu_time()? + own.ended_children_cpu_time()? + postmaster.family_cpu_time()?;
        let stat = fs::read_to_string("/proc/stat")?;
        let ticks = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
        let ticks: Vec<u32> = ticks.map(str::parse).collect::<Result<_, _>>()?;
        // See proc(5). Interrupts are not counted as used: most of them are our own network's.
        let &[user, nice, system, _idle, _iowait, _irq, _softirq, steal] = ticks.as_slice() else {
            return Err("/proc/stat is not as proc(5) says".into());
        };
        let all = ticks.iter().map(|&ticks| TICK * ticks).sum();
        Ok(Self { all, used: TICK * user + TICK * nice + TICK * system + TICK * steal, ours })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "others used {:.0}% of the processors meanwhile", self.0 * 100.0)?;
        if self.0 > QUIET {
            write!(f, ": TOO MUCH, the figures mean little")?;
        }
        Ok(())
    }
}
