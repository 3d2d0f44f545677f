//! What can go wrong outside the rules, in words for whoever runs the switch.

use card::{PartitionId, Position};

/// Why a processor does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log cannot be read.
    #[error("read the command log: {0}")]
    Log(#[from] command_log::ConsumeError),
    /// The store cannot be read.
    #[error("read the card store: {0}")]
    Store(#[from] card_store::StoreError),
    /// The store cannot be written.
    #[error("write the card store: {0}")]
    Write(#[from] card_store::WriteError),
    /// A partition cannot be folded.
    #[error("fold partition {partition}: {reason}")]
    Partition {
        /// Which.
        partition: PartitionId,
        /// Why.
        reason: StopReason,
    },
    /// A supervisor or thread cannot be made.
    #[error("start the workers: {0}")]
    Workers(String),
}

/// Why a partition stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// LOG-3: an offset is missing.
    #[error("offset {expected} is missing, the log continues at {found}: restore the log")]
    Gap {
        /// What should come.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// A record cannot be read.
    #[error("record at {position} cannot be read: {reason}")]
    Unreadable {
        /// Where.
        position: Position,
        /// Why.
        reason: String,
    },
    /// LOG-5: the log's clock leapt.
    #[error(
        "record at {0} is more than 5 minutes ahead of this machine's clock: set right whichever is wrong"
    )]
    ClockAhead(Position),
    /// No more records come, or the actors cannot be run.
    #[error("partition cannot go on: {0}")]
    Ended(String),
    /// LOG-5: rules that nobody here has.
    #[error("rules bundle {0} is not here: restore its file")]
    UnknownRules(String),
    /// A command came before any rules.
    #[error("command at {0} comes before any rules")]
    NoRules(Position),
    /// A fold gave another decision than the first one did (CARD-7).
    #[error("the decision at {0} differs from the one made before: stop and call the maintainers")]
    Differs(Position),
    /// OWN-5: a command that panics each time.
    #[error("the command at {0} failed three times: an operator must skip it")]
    Poison(Position),
    /// The store holds something damaged for a card.
    #[error("card at {position}: {reason}")]
    Card {
        /// Where.
        position: Position,
        /// Why.
        reason: String,
    },
}

impl StopReason {
    /// The record that stopped it, when it was one.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Unreadable { position, .. } | Self::Card { position, .. } => Some(*position),
            Self::NoRules(position)
            | Self::Differs(position)
            | Self::Poison(position)
            | Self::ClockAhead(position) => Some(*position),
            Self::Gap { .. } | Self::UnknownRules(_) | Self::Ended(_) => None,
        }
    }
}
