//! Why a scenario ended early.

use std::io;
use std::time::Duration;

use test_servers::ServerError;

/// Why a scenario ended early, with what a person needs to find the cause.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// A server of the test would not start or end.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A file, process or socket of ours failed.
    #[error("could not {action}: {cause}")]
    Io {
        /// A verb phrase.
        action: String,
        /// What the system says.
        cause: io::Error,
    },
    /// A command of the switch failed, or succeeded where it must not.
    #[error("`floatswitch {command}` ended with {code:?}; it said:\n{said}")]
    Command {
        /// Its arguments.
        command: String,
        /// Its exit code; none when a signal ended it.
        code: Option<i32>,
        /// Both its outputs.
        said: String,
    },
    /// Something that was waited for did not come.
    #[error("{what}: not within {} s", limit.as_secs())]
    Overdue {
        /// What should have happened.
        what: String,
        /// How long it had.
        limit: Duration,
    },
    /// The switch broke a promise.
    #[error("{0}")]
    Broken(String),
    /// A driver of the test's own failed.
    #[error("{0}")]
    Driver(String),
    /// Any of the above, with the folder where everything lies.
    #[error("{cause}\nsettings, records and log lines are in {folder}; the last lines:\n{lines}")]
    InFolder {
        /// What happened.
        cause: Box<FaultError>,
        /// The rig's folder, which is kept.
        folder: String,
        /// The end of each process's log.
        lines: String,
    },
}

// === impl FaultError ===

impl FaultError {
    /// Makes an error of a failed system call; `action` is a verb phrase.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        |cause| Self::Io { action, cause }
    }
}

/// Fails with a message when a promise of the switch does not hold.
#[expect(
    clippy::fn_params_excessive_bools,
    reason = "the condition of an assertion"
)]
pub(crate) fn demand(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), FaultError> {
    match holds {
        true => Ok(()),
        false => Err(FaultError::Broken(otherwise())),
    }
}
