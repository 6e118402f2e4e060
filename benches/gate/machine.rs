use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;
use crate::statistics::median;

/// As many flushes as give a steady median, in well under a second on most disks.
const FLUSHES: usize = 200;
/// A page of PostgreSQL's log.
const PAGE: [u8; 8192] = [0x55; 8192];

/// How long others are watched before the first measurement.
const WATCH: Duration = Duration::from_secs(1);
/// The share of the processors that others may use before the figures mean little.
const QUIET: f64 = 0.05;

/// What the figures were measured on, in two lines; `directory` is on the disk that the stores use.
pub fn describe(directory: &Path) -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unnamed processor", |(_, model)| model.trim());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let flush = flush_time(directory)?.as_secs_f64() * 1e3;
    let busy = busy_share()?;
    let warning = if busy > QUIET { ": TOO BUSY, the figures mean little" } else { "" };
    Ok(format!(
        "{cores} cores of {model}, {:.0}% in use by others just before{warning}\n\
         Linux {}; 8 kB reach the disk in {flush:.3} ms",
        busy * 100.0,
        kernel.trim(),
    ))
}

/// How long it takes until 8 kB written over existing ones are on the disk: the price that every
/// durable commit pays at least once, and the figure that explains most of the others.
fn flush_time(directory: &Path) -> Result<Duration> {
    let path = directory.join("flushes");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        file.rewind()?;
        let begin = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(begin.elapsed().as_secs_f64());
    }
    fs::remove_file(path)?;
    Ok(Duration::from_secs_f64(median(&times)))
}

/// The share of all processors' time that is used while this program waits.
fn busy_share() -> Result<f64> {
    let before = processor_times()?;
    sleep(WATCH);
    let after = processor_times()?;
    let (all, idle) = (after.0 - before.0, after.1 - before.1);
    Ok(1.0 - idle / all.max(1.0))
}

/// Time since the start of all processors, in ticks: in all, and idle.
fn processor_times() -> Result<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat")?;
    // The first line: cpu, user, nice, system, idle, iowait, irq, softirq, steal; see proc(5).
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
    let times = fields.map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let idle = times.get(3..5).ok_or("/proc/stat is not as proc(5) says")?;
    Ok((times.iter().sum(), idle.iter().sum()))
}
