//! Why a simulation ends early.

use std::io;
use std::path::PathBuf;

use iso8583::frame::FrameError;
use iso8583::{DecodeError, EncodeError};

/// What ended a simulation, with the exit code it stands for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SimError {
    /// Options that do not go together.
    #[error("{0}")]
    Options(String),
    /// The merchant or another value does not fit its data element.
    #[error("the options do not fit into a message: {0}")]
    Frame(#[from] EncodeError),
    /// No connection, or one that broke before all terminals were signed on.
    #[error("cannot reach the switch at {address}: {source}")]
    Unreachable {
        /// Where it should listen.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The switch does not know the terminal or does not let it in.
    #[error(
        "the switch refused the sign-on of terminal {terminal} with {code}; \
         check --terminal-from and --merchant against its register"
    )]
    SignOnRefused {
        /// The first terminal refused.
        terminal: u32,
        /// Response code (DE39).
        code: String,
    },
    /// Bytes that cannot be cut into frames.
    #[error("the peer does not speak the pos dialect: {0}")]
    Stream(#[from] FrameError),
    /// A frame that is no message.
    #[error("the switch sent an answer that cannot be read: {0}")]
    Answer(#[from] DecodeError),
    /// An answer without the data elements that every answer has.
    #[error("the switch sent an answer without its terminal, trace or response code")]
    AnswerIncomplete,
    /// The record cannot be kept.
    #[error("cannot write the record {path}: {source}")]
    Record {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Nobody reads what we print.
    #[error("cannot print the result: {0}")]
    Print(#[source] io::Error),
    /// A task of the simulator panicked.
    #[error("a connection task panicked, this is a bug of the simulator")]
    Panicked,
}

impl SimError {
    /// The documented exit code: 1 found wrong, 2 usage, 3 cannot reach or start, 4 refused.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Stream(_) | Self::Answer(_) | Self::AnswerIncomplete | Self::Panicked => 1,
            Self::Options(_) | Self::Frame(_) => 2,
            Self::Unreachable { .. } | Self::Record { .. } | Self::Print(_) => 3,
            Self::SignOnRefused { .. } => 4,
        }
    }
}
