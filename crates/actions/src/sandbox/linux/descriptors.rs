//! What a worker was handed down beside its pipe, by a program that did not care.
#![expect(
    unsafe_code,
    reason = "closing what nobody in this process owns, before anything is opened"
)]

use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

/// Closes every descriptor but standard input, output and error.
///
/// It is for the very beginning of a worker, when nothing in the process has opened any yet. What
/// cannot be closed cannot be used either: the filter of system calls names the three.
pub(super) fn close_all_but_the_pipe() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<RawFd>().ok();
    let open: Vec<RawFd> = entries.flatten().filter_map(number).filter(|fd| *fd > 2).collect();
    for descriptor in open {
        // The one that the list was read from is closed already.
        if std::fs::read_link(format!("/proc/self/fd/{descriptor}")).is_ok() {
            // Safety: the descriptor is open, and nothing in this process owns it: there is one
            // thread, at the beginning of `main`, which has opened nothing that it still has.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
    }
}
