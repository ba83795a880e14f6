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

/// Memory of another process, in bytes.
pub(crate) struct Memory {
    /// Resident.
    pub(crate) resident: u64,
    /// Resident, without pages of files.
    pub(crate) own: u64,
    /// Its share when each page is divided among those that have it; who may not look into the
    /// process does not learn it.
    pub(crate) share: Option<u64>,
}

pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).context("the process is gone")?;
    let page = rustix::param::page_size() as u64;
    let bytes = |place: usize| -> anyhow::Result<u64> {
        let pages = statm.split(' ').nth(place).context("a short statm")?;
        Ok(pages.parse::<u64>()? * page)
    };
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let share = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let share = share.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let resident = bytes(1)?;
    let own = resident.saturating_sub(bytes(2)?);
    Ok(Memory { resident, own, share: share.map(|kib| kib * 1024) })
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

/// CPU time of a process and all that it started, also of those that have ended, in nanoseconds.
pub(crate) fn family_cpu_ns(root: u32) -> anyhow::Result<u64> {
    let own = process_cpu_ns(root)?;
    // Whoever ends meanwhile is counted among the ended.
    let started = tree(root)?.into_iter().skip(1).filter_map(|pid| process_cpu_ns(pid).ok());
    let stat = fs::read_to_string(format!("/proc/{root}/stat"))?;
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    // Of children that were waited for, in their user code and in the kernel (proc(5)).
    let ended = after.split_whitespace().skip(13).take(2).map(str::parse::<u64>);
    let ended: u64 = ended.sum::<Result<u64, _>>()?;
    let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second();
    Ok(own + started.sum::<u64>() + ended * tick_ns)
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
