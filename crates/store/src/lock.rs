//! One store serves one process: the lock that makes it so.
//!
//! Two processes with a policy in memory each would not learn of one another's writes. SQLite's own
//! locks do not prevent that, they only order the writes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::dialect::Target;
use crate::error::StoreError;

/// Only the owner may look: the store holds what credentials are checked against.
const PRIVATE: u32 = 0o600;
/// Stands in the lock file once the database has a schema.
const MARK: &str = "store";

/// An exclusive lock, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct ProcessLock {
    file: File,
    /// Whether there was a store here before.
    had_store: bool,
}

impl ProcessLock {
    /// Takes the lock or says who has it.
    pub(crate) fn take(target: &Target) -> Result<Self, StoreError> {
        let path = target.lock_path();
        let fault = |error: &io::Error| unusable(&path, error);
        let mut file = private_file(&path).map_err(|error| fault(&error))?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            let error = io::Error::from(error);
            if error.kind() != io::ErrorKind::WouldBlock {
                return Err(fault(&error));
            }
            // The holder may not have written its number yet; then the message does without.
            let text = read(&mut file).unwrap_or_default();
            let holder = text.lines().next().and_then(|line| line.parse().ok());
            return Err(StoreError::Locked { path: target.path.clone(), holder });
        }
        let had_store = read(&mut file).map_err(|error| fault(&error))?.lines().any(|l| l == MARK);
        let mut lock = Self { file, had_store };
        lock.write().map_err(|error| fault(&error))?;
        Ok(lock)
    }

    /// Whether there was a store here before this process.
    pub(crate) fn had_store(&self) -> bool {
        self.had_store
    }

    /// Notes that there is a store now.
    pub(crate) fn mark(&mut self, target: &Target) -> Result<(), StoreError> {
        self.had_store = true;
        self.write().map_err(|error| unusable(&target.lock_path(), &error))
    }

    fn write(&mut self) -> io::Result<()> {
        let mark = if self.had_store { MARK } else { "" };
        self.file.seek(SeekFrom::Start(0))?;
        self.file.set_len(0)?;
        writeln!(self.file, "{}\n{mark}", std::process::id())
    }

    /// Makes the database file, or tightens its permissions, before anything secret is in it.
    pub(crate) fn prepare_file(&self, target: &Target) -> Result<(), StoreError> {
        let file = private_file(&target.path).map_err(|error| unusable(&target.path, &error))?;
        let bytes = file.metadata().map_err(|error| unusable(&target.path, &error))?.len();
        // An empty file is a valid empty database: without this check a store that was cut to
        // nothing would start anew in silence.
        if bytes == 0 && self.had_store {
            return Err(target.emptied());
        }
        Ok(())
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(PRIVATE);
    let file = file.open(path)?;
    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(PRIVATE);
        file.set_permissions(permissions)?;
    }
    Ok(file)
}

fn read(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(64).read_to_string(&mut text)?;
    Ok(text)
}

fn unusable(path: &Path, error: &io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::StorageFull {
        return StoreError::Full;
    }
    StoreError::Unavailable(format!(
        "{} cannot be written ({error}); check that its folder exists and that this user may write \
         there",
        path.display()
    ))
}
