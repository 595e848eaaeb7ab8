//! What the kernel says a process used.

use anyhow::{Context, Result};
use std::fs;
use std::time::Duration;

/// CPU time of all of a process's threads so far, to the nanosecond (`/proc/PID/task/*/schedstat`).
///
/// Threads that ended are not in it; nothing measured here ends threads meanwhile.
pub fn cpu(pid: u32) -> Result<Duration> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("no process {pid}"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanos: u64 = text.split(' ').next().unwrap_or_default().parse()?;
        total += nanos;
    }
    Ok(Duration::from_nanos(total))
}

/// Proportional set size in bytes (`/proc/PID/smaps_rollup`): shared pages count by their share.
pub fn pss(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find(|line| line.starts_with("Pss:")).context("no Pss line")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no Pss value")?.parse()?;
    Ok(kib * 1024)
}

/// A one-line description of the machine: processor, cores, memory, kernel.
pub fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name").map(|rest| rest.trim_start_matches([' ', '\t', ':']))
        })
        .unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| text.lines().next()?.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    format!("{model}, {cores} cores, {} GiB, Linux {}", memory / (1024 * 1024), kernel.trim())
}

/// This process and all below it.
pub fn tree(pid: u32) -> Vec<u32> {
    let mut pids = vec![pid];
    let mut next = 0;
    while let Some(&parent) = pids.get(next) {
        next += 1;
        let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    pids
}
