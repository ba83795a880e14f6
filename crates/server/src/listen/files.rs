//! The limit on open files, which bounds connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the process's soft limit on open files to its hard limit; returns what holds then.
///
/// Systems start processes with a soft limit of 1,024 for programs that use `select`. A server
/// calls this once, before it listens.
pub fn raise_open_files_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit on open files stays as it is");
    }
    open_files_limit()
}

/// How many connections one listener may keep open: a quarter of the files the process may have
/// open, as there are up to three listeners, and the store and outgoing calls need some too.
pub(super) fn connections_affordable() -> usize {
    usize::try_from(open_files_limit() / 4).unwrap_or(usize::MAX).max(1)
}

fn open_files_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
