//! Exit codes and the error that carries one.

use std::fmt::Display;

/// Done.
pub(crate) const DONE: u8 = 0;
/// The check found something wrong.
pub(crate) const FOUND_WRONG: u8 = 1;
/// Usage or configuration.
pub(crate) const USAGE: u8 = 2;
/// Cannot reach or start.
pub(crate) const CANNOT_START: u8 = 3;
/// The switch refused.
pub(crate) const REFUSED: u8 = 4;

/// Why a command ends without success: a sentence for people, a code for scripts.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Display) -> Self {
        Self {
            code: USAGE,
            message: message.to_string(),
        }
    }

    pub(crate) fn cannot_start(message: impl Display) -> Self {
        Self {
            code: CANNOT_START,
            message: message.to_string(),
        }
    }

    /// An error of the outside with all its causes, each told once.
    pub(crate) fn start_error(error: impl std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        Self::cannot_start(message)
    }

    pub(crate) fn refused(message: impl Display) -> Self {
        Self {
            code: REFUSED,
            message: message.to_string(),
        }
    }

    pub(crate) fn found_wrong(message: impl Display) -> Self {
        Self {
            code: FOUND_WRONG,
            message: message.to_string(),
        }
    }
}

/// Output that nobody reads ends the program quietly, as it does for other tools.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self {
                code: DONE,
                message: String::new(),
            };
        }
        Self::cannot_start(format!("cannot read or write: {error}"))
    }
}
