//! The port to the settlement days, wherever they are kept.

use std::collections::BTreeMap;
use std::future::Future;

use crate::day::PartitionDays;
use card::{Day, PartitionId, ProgrammeId, Timestamp};
use ledger::Books;

/// A cut of a partition, with what was booked before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutBooks {
    /// The number of the cut.
    pub number: u64,
    /// The record that is the cut's mark: what lies before it is counted, nothing else.
    pub offset: u64,
    /// The day that it opened.
    pub day: Day,
    /// When its mark was appended, by the log's clock.
    pub cut_at: Timestamp,
    /// What was booked before it, by programme.
    pub programmes: BTreeMap<ProgrammeId, Books>,
}

/// Why the days cannot be told or steered now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// The log or the store does not answer; it may be repeated.
    #[error("the switch's log or store does not answer, repeat it later: {0}")]
    Unavailable(String),
    /// What is kept is not what was written.
    #[error("{0}")]
    Damaged(String),
}

/// Keeps the days of all partitions.
pub trait DayDesk: Send + Sync {
    /// The days of every partition, in their order.
    ///
    /// # Errors
    /// As [`DeskError`] says.
    fn days(&self) -> impl Future<Output = Result<Vec<PartitionDays>, DeskError>> + Send;

    /// Opens this day in every partition that has not, and returns when it is open there. May be
    /// repeated, and by several at once (LOG-5).
    ///
    /// # Errors
    /// As [`DeskError`] says; what was begun stays, repeat it.
    fn cut(&self, day: Day) -> impl Future<Output = Result<(), DeskError>> + Send;

    /// Freezes all days up to this one in every partition that has opened a later one.
    ///
    /// # Errors
    /// As [`DayDesk::cut`].
    fn freeze(&self, day: Day) -> impl Future<Output = Result<(), DeskError>> + Send;

    /// For every partition, in their order, its first cut whose number is not below `from`.
    ///
    /// # Errors
    /// As [`DeskError`] says.
    fn first_cuts(
        &self,
        from: u64,
    ) -> impl Future<Output = Result<Vec<(PartitionId, Option<CutBooks>)>, DeskError>> + Send;
}
