//! What holds a worker: the system calls that it may not make, the files that it may not see, and
//! what it may use of the machine.
//!
//! Everything is entered by the worker itself, before it reads the first script, and cannot be left
//! again. What the system does not offer is told ([`SandboxReport::missing`]), so that whoever runs
//! the server knows.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

use crate::wire::{Probe, Reply};

/// What holds a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxReport {
    /// What is in force.
    pub in_force: Vec<String>,
    /// What is not, and why.
    pub missing: Vec<String>,
}

impl SandboxReport {
    fn hold(&mut self, what: &str) {
        self.in_force.push(what.to_owned());
    }

    fn miss(&mut self, what: &str, why: &str) {
        self.missing.push(format!("{what} ({why})"));
    }
}

/// The first half, while nothing else runs: what a thread inherits from the one that starts it.
pub(crate) fn enter_before_threads() -> Result<SandboxReport, String> {
    system::enter_before_threads()
}

/// The second half, for all threads.
pub(crate) fn enter_for_good(held: SandboxReport) -> Result<SandboxReport, String> {
    system::enter_for_good(held)
}

/// Tries what must not work. Mostly the attempt is the last thing that this process does.
pub(crate) fn attempt(probe: Probe) -> Reply {
    let tried: Result<(), String> = match probe {
        Probe::Nothing => Err("nothing was tried".to_owned()),
        Probe::ReadFile => std::fs::read("/etc/hostname").map(drop).map_err(|e| e.to_string()),
        Probe::WriteFile => {
            std::fs::write("/tmp/keyward-escaped", "x").map_err(|error| error.to_string())
        }
        Probe::Connect => {
            std::net::UdpSocket::bind("127.0.0.1:0").map(drop).map_err(|error| error.to_string())
        }
        Probe::Spawn => {
            let started = std::process::Command::new("/bin/true").spawn();
            started.map(drop).map_err(|error| error.to_string())
        }
        Probe::Thread => {
            let started = std::thread::Builder::new().spawn(|| {});
            started.map(drop).map_err(|error| error.to_string())
        }
        Probe::Signal => {
            let parent = rustix::process::getppid();
            parent.map_or_else(
                || Err("nobody to signal".to_owned()),
                |parent| {
                    let signal = rustix::process::Signal::CONT;
                    rustix::process::kill_process(parent, signal).map_err(|e| e.to_string())
                },
            )
        }
        Probe::Memory => {
            let mut memory: Vec<u8> = Vec::new();
            memory.try_reserve_exact(PROBE_BYTES).map_err(|error| error.to_string())
        }
    };
    match tried {
        Ok(()) => Reply::Escaped(format!("{probe:?} worked")),
        Err(fault) => Reply::Withheld(fault),
    }
}

/// More than a worker may have.
const PROBE_BYTES: usize = 2 * 1024 * 1024 * 1024;
