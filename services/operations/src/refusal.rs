//! What is said to a caller whose request was not carried out: a code for programs, a sentence that
//! says what to do. No card number is ever in it.

use serde::{Deserialize, Serialize};

use crate::day::DayRefusal;
use crate::desk::DeskError;
use crate::float::FloatError;
use crate::steps::DayError;

/// A refusal as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalTold {
    /// For programs.
    pub error: String,
    /// For people.
    pub message: String,
}

/// A refusal with its HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, error: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error,
            message: message.into(),
        }
    }

    /// The body does not say what is needed.
    pub(crate) fn body(message: impl Into<String>) -> Self {
        Self::new(400, "bad_body", message)
    }

    /// The switch cannot do it now, and certainly did nothing.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "unavailable", message)
    }

    pub(crate) fn told(&self) -> RefusalTold {
        RefusalTold {
            error: self.error.to_owned(),
            message: self.message.clone(),
        }
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        let message = error.to_string();
        match error {
            DeskError::Unavailable(_) => Self::unavailable(message),
            DeskError::Damaged(_) => Self::new(500, "damaged", message),
        }
    }
}

impl From<DayError> for Refusal {
    fn from(error: DayError) -> Self {
        let code = match error {
            DayError::Desk(error) => return error.into(),
            DayError::Refused(DayRefusal::Over { .. }) => "day_is_over",
            DayError::Refused(DayRefusal::Ahead { .. }) => "day_is_ahead",
            DayError::Refused(DayRefusal::Open(_)) => "day_is_open",
            DayError::Refused(DayRefusal::None) => "no_day",
        };
        Self::new(409, code, error.to_string())
    }
}

impl From<FloatError> for Refusal {
    fn from(error: FloatError) -> Self {
        let message = error.to_string();
        match error {
            FloatError::Desk(error) => error.into(),
            FloatError::NotYet(_) => Self::new(409, "not_yet", message),
            FloatError::NoCut { .. } => Self::new(404, "no_cut", message),
            FloatError::Overflow(_) => Self::new(500, "damaged", message),
        }
    }
}
