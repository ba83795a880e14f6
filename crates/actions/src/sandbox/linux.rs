//! Linux: no new privileges, resource limits, Landlock and seccomp.

mod descriptors;

use std::collections::BTreeMap;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, nice, set_dumpable_behavior, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::SandboxReport;

/// Memory beyond what the program has when it starts, in bytes. Scripts have a limit of their own,
/// far below.
const MEMORY_BYTES: u64 = 256 * 1024 * 1024;
/// Processor time of a worker in all its life, in seconds.
const CPU_S: u64 = 600;
/// Workers wait for decisions and not the other way round.
const NICE: i32 = 5;

pub(super) fn enter_before_threads() -> Result<SandboxReport, String> {
    let mut report = SandboxReport { in_force: Vec::new(), missing: Vec::new() };
    let fault = |what: &str, error: rustix::io::Errno| format!("the sandbox: {what}: {error}");
    descriptors::close_all_but_the_pipe();
    rustix::thread::set_no_new_privs(true).map_err(|error| fault("no new privileges", error))?;
    report.hold("no new privileges");
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| fault("dumpable", error))?;
    // Allocators reserve much that is never used, and that counts as well.
    let (addresses, data) = reserved_bytes();
    for (what, resource, limit) in [
        ("core", Resource::Core, 0),
        ("files", Resource::Fsize, 0),
        ("locked memory", Resource::Memlock, 0),
        ("queues", Resource::Msgqueue, 0),
        ("data", Resource::Data, data.saturating_add(MEMORY_BYTES)),
        ("addresses", Resource::As, addresses.saturating_add(MEMORY_BYTES)),
        ("processor", Resource::Cpu, CPU_S),
    ] {
        limited(what, resource, limit)?;
    }
    let _as_it_is = nice(NICE);
    confine_to_no_files(&mut report);
    Ok(report)
}

/// The addresses, and those of them that can be written, that this process has (proc(5), statm).
fn reserved_bytes() -> (u64, u64) {
    let sizes = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4_096);
    let bytes = |place: usize| {
        let pages = sizes.split_whitespace().nth(place).and_then(|text| text.parse::<u64>().ok());
        pages.map_or(GUESSED_BYTES, |pages| pages.saturating_mul(page))
    };
    (bytes(0), bytes(5))
}

/// What a process may have reserved where the system does not tell.
const GUESSED_BYTES: u64 = 8 * 1024 * 1024 * 1024;

fn limited(what: &str, resource: Resource, limit: u64) -> Result<(), String> {
    // A limit that is lower already stays.
    let now = rustix::process::getrlimit(resource);
    let limit = now.maximum.map_or(limit, |maximum| maximum.min(limit));
    let both = Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(resource, both).map_err(|error| format!("the sandbox: limit of {what}: {error}"))
}

/// No path of any file system, no port, no other process by signal or abstract socket.
fn confine_to_no_files(report: &mut SandboxReport) {
    const WHAT: &str = "Landlock";
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V6))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(ABI::V6)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    match ruleset.map(|status| status.ruleset) {
        Ok(RulesetStatus::FullyEnforced) => report.hold(WHAT),
        Ok(RulesetStatus::PartiallyEnforced) => {
            report.hold("Landlock, as far as this kernel has it")
        }
        Ok(RulesetStatus::NotEnforced) => report.miss(WHAT, "this kernel has none"),
        Err(error) => report.miss(WHAT, &error.to_string()),
    }
}

pub(super) fn enter_for_good(mut report: SandboxReport) -> Result<SandboxReport, String> {
    limited("processes", Resource::Nproc, 0)?;
    limited("open files", Resource::Nofile, 0)?;
    report.hold("resource limits");
    let filter = filter().map_err(|error| format!("the sandbox: seccomp: {error}"))?;
    match seccompiler::apply_filter_all_threads(&filter) {
        Ok(()) => report.hold("seccomp"),
        Err(error) => report.miss("seccomp", &error.to_string()),
    }
    Ok(report)
}

type Fault = seccompiler::BackendError;

/// The only system calls: memory, time, waiting for one's own threads, the one pipe, and ending.
fn filter() -> Result<BpfProgram, Fault> {
    let any = Vec::new;
    let no_code = || rule(2, SeccompCmpOp::MaskedEq(bits(libc::PROT_EXEC)), 0);
    let descriptor = |number: u64| rule(0, SeccompCmpOp::Eq, number);
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::from([
        (libc::SYS_read, vec![descriptor(0)?]),
        (libc::SYS_write, vec![descriptor(1)?, descriptor(2)?]),
        (libc::SYS_writev, vec![descriptor(2)?]),
        (libc::SYS_mmap, vec![no_code()?]),
        (libc::SYS_mprotect, vec![no_code()?]),
        (libc::SYS_munmap, any()),
        (libc::SYS_mremap, any()),
        (libc::SYS_madvise, any()),
        (libc::SYS_brk, any()),
        (libc::SYS_futex, any()),
        (libc::SYS_clock_gettime, any()),
        (libc::SYS_clock_nanosleep, any()),
        (libc::SYS_gettimeofday, any()),
        (libc::SYS_sched_yield, any()),
        (libc::SYS_getrandom, any()),
        (libc::SYS_getpid, any()),
        (libc::SYS_gettid, any()),
        (libc::SYS_getppid, any()),
        (libc::SYS_rt_sigaction, any()),
        (libc::SYS_rt_sigprocmask, any()),
        (libc::SYS_rt_sigreturn, any()),
        (libc::SYS_sigaltstack, any()),
        (libc::SYS_restart_syscall, any()),
        (libc::SYS_exit, any()),
        (libc::SYS_exit_group, any()),
        // The allocator names its memory.
        (libc::SYS_prctl, vec![rule(0, SeccompCmpOp::Eq, bits(libc::PR_SET_VMA))?]),
        // `abort`, and nothing else, and nobody else.
        (libc::SYS_tgkill, vec![own_abort()?]),
    ]);
    #[cfg(target_arch = "x86_64")]
    calls.insert(libc::SYS_time, any());
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(calls, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}

fn bits(constant: i32) -> u64 {
    u64::from(constant.unsigned_abs())
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, Fault> {
    let length = SeccompCmpArgLen::Dword;
    SeccompRule::new(vec![SeccompCondition::new(argument, length, operator, value)?])
}

fn own_abort() -> Result<SeccompRule, Fault> {
    let equals = |argument: u8, value: u64| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let own = u64::from(std::process::id());
    SeccompRule::new(vec![equals(0, own)?, equals(2, bits(libc::SIGABRT))?])
}
