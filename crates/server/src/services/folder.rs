//! The data folder.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use super::{DATABASE_FILE, OpenError};

/// Makes the folder, or closes the one that is there to others.
pub(super) fn make_private(path: &Path) -> Result<(), OpenError> {
    let wrong = |what, source| OpenError::Folder { what, path: path.to_owned(), source };
    if !path.exists() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| wrong("create the data folder", source))?;
    }
    let metadata = std::fs::metadata(path).map_err(|source| wrong("read", source))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let mut inside = std::fs::read_dir(path).map_err(|source| wrong("read", source))?;
        if inside.next().is_some() && !path.join(DATABASE_FILE).exists() {
            return Err(OpenError::NotOurs(path.to_owned()));
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .map_err(|source| wrong("set mode 0700 on", source))?;
    }
    Ok(())
}
