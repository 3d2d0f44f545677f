//! One switch per data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The name of the lock file in a data folder.
pub const LOCK_FILE: &str = "LOCK";

/// Why a folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "another switch (pid {pid}) uses the folder {}: stop it first, or give this one another \
         folder", dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The process that holds the lock, as it wrote it down.
        pid: String,
    },
    /// The lock file cannot be made.
    #[error("cannot lock the folder {}: check that it exists and may be written to", dir.display())]
    Io {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Keeps other switches out of a folder until it is dropped or the process ends.
///
/// The file stays behind, what counts is the lock that the system holds on it.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Locks the folder, which must exist.
    ///
    /// # Errors
    /// See [`LockError`].
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io {
            dir: dir.to_path_buf(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join(LOCK_FILE))
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::InUse {
                    dir: dir.to_path_buf(),
                    pid: pid_in(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        note_pid(&mut file).map_err(io)?;
        Ok(Self { _file: file })
    }
}

fn note_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn pid_in(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_switch_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataLock::acquire(dir.path()).unwrap();
        let error = DataLock::acquire(dir.path()).unwrap_err().to_string();
        let pid = std::process::id();
        assert!(
            error.contains(&format!("another switch (pid {pid}) uses")),
            "{error}"
        );
        drop(first);
        DataLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = DataLock::acquire(Path::new("/no/such/folder")).unwrap_err();
        assert!(error.to_string().contains("/no/such/folder"));
    }
}
