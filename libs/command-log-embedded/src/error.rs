//! Why a log cannot be created or opened.

use std::io;
use std::path::{Path, PathBuf};

/// Why a log cannot be created or opened. The text says what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is nothing to open.
    #[error(
        "folder {} holds no command log: create one, or check the path", dir.display()
    )]
    NoLog {
        /// The folder.
        dir: PathBuf,
    },
    /// There is something that must not be written over.
    #[error(
        "folder {} already holds a command log or parts of one: open it, or give an empty folder",
        dir.display()
    )]
    AlreadyThere {
        /// The folder.
        dir: PathBuf,
    },
    /// Another log of this or another process has it open.
    #[error("command log in {} is in use by another switch: stop that one first", dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// The file `log_id` is not as it was written.
    #[error(
        "{} does not read as the identity of a command log: restore it from a backup",
        path.display()
    )]
    Identity {
        /// The file.
        path: PathBuf,
    },
    /// The log is another one than the caller expects (LOG-2).
    #[error(
        "log has {what} {found}, but {wanted} was asked for: it is fixed for the life of a log; \
         set {what} to {found}, or give the folder of the other log"
    )]
    OtherLog {
        /// What differs.
        what: &'static str,
        /// What the log has.
        found: String,
        /// What the caller wants.
        wanted: String,
    },
    /// A setting is out of its range.
    #[error("{setting} is {value}: {rule}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: u64,
        /// What it must be.
        rule: String,
    },
    /// What was synced does not read back.
    #[error(
        "segment {} is damaged at byte {at}: {what}; the log is left as it is, restore its folder \
         from a backup", path.display()
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        at: u64,
        /// What was found.
        what: String,
    },
    /// The system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    /// Wraps what the system said.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// A part of a segment that cannot be as it was written.
    pub(crate) fn damaged(path: &Path, at: u64, what: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            at,
            what: what.into(),
        }
    }
}
