use std::fs;
use std::time::Duration;

use crate::Result;

/// Linux counts processes' time in hundredths of a second (`USER_HZ`) on every platform we run on.
pub const TICK: Duration = Duration::from_millis(10);

/// A process, as `/proc` shows it.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

impl Process {
    pub fn new(id: u32) -> Self {
        Self(id)
    }

    /// This one.
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// The parent of this process.
    pub fn parent(self) -> Result<Self> {
        // Field 4: ppid.
        Ok(Self(self.stat(4)?.try_into()?))
    }

    /// Processor time that it has used, in user and kernel mode.
    pub fn cpu_time(self) -> Result<Duration> {
        // Fields 14 and 15: utime and stime.
        self.ticks([14, 15])
    }

    /// Processor time that its children had used, of those that have ended.
    pub fn ended_children_cpu_time(self) -> Result<Duration> {
        // Fields 16 and 17: cutime and cstime.
        self.ticks([16, 17])
    }

    /// Processor time that it and its children have used, ended or not.
    pub fn family_cpu_time(self) -> Result<Duration> {
        loop {
            let ended = self.ended_children_cpu_time()?;
            let time = self.cpu_time()? + ended + self.living_children_cpu_time()?;
            // A child that ends while we look is in neither sum, or in both.
            if self.ended_children_cpu_time()? == ended {
                return Ok(time);
            }
        }
    }

    fn living_children_cpu_time(self) -> Result<Duration> {
        let processes = fs::read_dir("/proc")?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Self));
        // One that has ended since it was listed is no longer living.
        let children = processes.filter(|process| process.parent().is_ok_and(|p| p.0 == self.0));
        Ok(children.filter_map(|child| child.main_thread_cpu_time().ok()).sum())
    }

    /// Processor time of the first thread, to the nanosecond. PostgreSQL's processes have only one,
    /// and there are hundreds of them: rounded to ticks, they would lose seconds.
    fn main_thread_cpu_time(self) -> Result<Duration> {
        // Field 1: time on a processor, in nanoseconds.
        let schedstat = fs::read_to_string(format!("/proc/{}/schedstat", self.0))?;
        let nanoseconds = schedstat.split(' ').next().and_then(|field| field.parse().ok());
        Ok(Duration::from_nanos(nanoseconds.ok_or("/proc/PID/schedstat has no time")?))
    }

    /// Megabytes in memory now.
    pub fn resident(self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// The most megabytes that were in memory since [`forget_peak`](Self::forget_peak), or ever.
    ///
    /// The kernel keeps it, so no peak between two looks is missed.
    pub fn peak_resident(self) -> Result<f64> {
        self.status("VmHWM:")
    }

    /// Makes the peak what is in memory now.
    pub fn forget_peak(self) -> Result<()> {
        // See proc(5): 5 resets the peak resident set size.
        Ok(fs::write(format!("/proc/{}/clear_refs", self.0), "5")?)
    }

    /// A number from `/proc/PID/stat`; fields count from 1, as in proc(5).
    fn stat(self, field: usize) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // Field 2, the name, is in brackets and may hold anything: field 3 follows the last bracket.
        let number = stat
            .rsplit_once(") ")
            .and_then(|(_, fields)| fields.split(' ').nth(field - 3)?.parse().ok());
        Ok(number.ok_or("/proc/PID/stat is not as proc(5) says")?)
    }

    fn ticks(self, fields: [usize; 2]) -> Result<Duration> {
        let ticks = self.stat(fields[0])? + self.stat(fields[1])?;
        Ok(TICK * u32::try_from(ticks)?)
    }

    /// A size from `/proc/PID/status`, in megabytes (millions of bytes).
    fn status(self, name: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let kibibytes: Option<u32> = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok());
        let kibibytes = kibibytes.ok_or_else(|| format!("/proc/PID/status has no {name}"))?;
        Ok(f64::from(kibibytes) * 1024.0 / 1e6)
    }
}
