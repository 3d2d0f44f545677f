//! Where the connector has a settlement day opened, when the network that leads the days says so.

use crate::batch_book::Later;
use card::Day;

/// The days were not opened in time; whoever asked asks again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DayNotOpened(pub String);

/// The settlement days of the switch.
pub trait SwitchDays: Send + Sync + 'static {
    /// Opens a day in all partitions, or completes that, and returns when it is open in all of them. A
    /// day that is open already or over changes nothing (LOG-5).
    fn open(&self, day: Day) -> Later<'_, Result<(), DayNotOpened>>;
}
