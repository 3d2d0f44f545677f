//! Why a request failed, as far as it matters: was it done, not done, or is that unknown.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the driver's enums may grow, and what is not known may have been done"
)]

use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};

/// Why a request has no good answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It may be done now, later, or never.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// It was certainly not done; it may be when it is tried again.
    #[error("not done: {0}")]
    NotDone(String),
    /// The server does not take it, now or ever: keyspace or table are not there, or are others.
    #[error("refused: {0}; check keyspace and schema with `floatswitch cluster status`")]
    Refused(String),
}

impl From<ExecutionError> for Fault {
    fn from(error: ExecutionError) -> Self {
        let text = error.to_string();
        match error {
            // No connection was found to send it on.
            ExecutionError::EmptyPlan
            | ExecutionError::ConnectionPoolError(_)
            | ExecutionError::PrepareError(PrepareError::ConnectionPoolError(_)) => {
                Self::NotDone(text)
            }
            ExecutionError::BadQuery(_) => Self::Refused(text),
            ExecutionError::LastAttemptError(attempt) => attempt_fault(attempt, text),
            // Foremost `RequestTimeout`.
            _ => Self::Unknown(text),
        }
    }
}

fn attempt_fault(error: RequestAttemptError, text: String) -> Fault {
    match error {
        RequestAttemptError::UnableToAllocStreamId => Fault::NotDone(text),
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_) => Fault::Refused(text),
        RequestAttemptError::DbError(error, _) => match error {
            // The coordinator knew of too few live replicas and sent nothing.
            DbError::Unavailable { .. } | DbError::IsBootstrapping => Fault::NotDone(text),
            DbError::Invalid | DbError::SyntaxError => Fault::Refused(text),
            // `WriteTimeout` and `WriteFailure`, `Overloaded` from a node that is stopping.
            _ => Fault::Unknown(text),
        },
        // Foremost a connection that broke before the answer.
        _ => Fault::Unknown(text),
    }
}

impl From<PrepareError> for Fault {
    fn from(error: PrepareError) -> Self {
        let text = error.to_string();
        match error {
            PrepareError::AllAttemptsFailed { first_attempt } => attempt_fault(first_attempt, text),
            _ => Self::NotDone(text),
        }
    }
}
