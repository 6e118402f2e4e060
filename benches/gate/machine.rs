use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;
use crate::statistics::median;

/// As many flushes as give a steady median, in well under a second on most disks.
const FLUSHES: usize = 200;
/// A page of PostgreSQL's log.
const PAGE: [u8; 8192] = [0x55; 8192];

/// What the figures were measured on, in one line; `directory` is on the disk that the stores use.
pub fn describe(directory: &Path) -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unnamed processor", |(_, model)| model.trim());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let flush = flush_time(directory)?.as_secs_f64() * 1e3;
    Ok(format!(
        "{cores} cores of {model}, Linux {}; 8 kB reach the disk in {flush:.3} ms",
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
