use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::store::StoreError;

/// Locks the folder of `file` for an import, until the result is dropped or the process ends. `None`
/// if another process holds the lock.
///
/// The file itself is not opened: closing it would release the locks that SQLite holds on it.
pub(super) fn take(file: &Path) -> Result<Option<File>, StoreError> {
    let failed = |error: io::Error| {
        StoreError::unreachable(format!("cannot lock the folder of {}: {error}", file.display()))
    };
    // SQLite follows symbolic links too.
    let file = file.canonicalize().map_err(failed)?;
    let folder = File::open(file.parent().unwrap_or(&file)).map_err(failed)?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
