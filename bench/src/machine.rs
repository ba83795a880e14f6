//! The machine, and what processes take of it.

use std::fs;

use anyhow::{Context as _, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Cores, CPU and build: figures mean nothing without them.
pub(crate) fn line() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!(
        "machine: {cores} cores, {model}; build: {}, {} profile; load average {load}; \
         CPU time, minimum of {} interleaved rounds; mimalloc",
        target_cpu(),
        if cfg!(debug_assertions) { "DEBUG (figures mean nothing)" } else { "release" },
        crate::measure::ROUNDS,
    )
}

fn target_cpu() -> &'static str {
    if cfg!(target_feature = "avx2") {
        "x86-64-v3 or higher"
    } else if cfg!(target_feature = "popcnt") {
        "x86-64-v2"
    } else if cfg!(target_arch = "x86_64") {
        "x86-64 (baseline, no POPCNT: slows prefix-trie more than Keyward)"
    } else {
        std::env::consts::ARCH
    }
}

/// Resident memory of this process in bytes.
pub(crate) fn resident_bytes() -> anyhow::Result<u64> {
    status_kib("VmRSS:")
}

/// The most memory this process ever had resident, in bytes.
pub(crate) fn peak_bytes() -> anyhow::Result<u64> {
    status_kib("VmHWM:")
}

fn status_kib(field: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("no /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = kib.context("no such line in /proc/self/status")?.parse()?;
    Ok(kib * 1024)
}

/// How much of this process's memory lies in 2 MiB pages, which decides about tables that no cache
/// holds.
pub(crate) fn huge_page_share() -> Option<f64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let kib = |field: &str| -> Option<f64> {
        let line = rollup.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(kib("AnonHugePages:")? / kib("Rss:")?)
}

/// CPU time that all threads of a process have had, in nanoseconds.
pub(crate) fn process_cpu_ns(pid: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("the process is gone")? {
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let first = text.split(' ').next().context("an empty schedstat")?;
        sum += first.parse::<u64>()?;
    }
    ensure!(sum > 0, "this kernel does not count CPU time per task (schedstat)");
    Ok(sum)
}

/// A process and all that it started, directly or not.
pub(crate) fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // The name of the program stands in parentheses and may hold anything.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let parent = after.split_whitespace().nth(1).and_then(|parent| parent.parse().ok());
        parents.extend(parent.map(|parent: u32| (pid, parent)));
    }
    let mut tree = vec![root];
    let mut at = 0;
    while at < tree.len() {
        let parent = tree[at];
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    Ok(tree)
}

/// Keeps this thread, and threads it starts, on one core; whether that worked.
pub(crate) fn pin_to_core(wanted: usize) -> bool {
    let Ok(allowed) = sched_getaffinity(None) else { return false };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    let Some(core) = cores.get(wanted) else { return false };
    let mut set = CpuSet::new();
    set.set(*core);
    sched_setaffinity(None, &set).is_ok()
}
