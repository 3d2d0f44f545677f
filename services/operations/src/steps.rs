//! What an operator does with days: look, open, freeze.

use crate::day::{DayRefusal, DayStatus};
use crate::desk::{DayDesk, DeskError};
use card::Day;

/// Why a step was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// Days do not do that.
    #[error(transparent)]
    Refused(#[from] DayRefusal),
    /// The days cannot be read or marked now.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

/// Tells where the days are.
///
/// # Errors
/// [`DeskError`] when they cannot be read.
pub async fn status<D: DayDesk>(desk: &D) -> Result<DayStatus, DeskError> {
    Ok(DayStatus::new(desk.days().await?))
}

/// Opens a day, or the next one, in all partitions, and tells where the days are then. `today` is
/// the date by the clock.
///
/// # Errors
/// As [`DayError`] says. Repeating it completes what was begun.
pub async fn cut<D: DayDesk>(
    desk: &D,
    wanted: Option<Day>,
    today: Day,
) -> Result<DayStatus, DayError> {
    let day = status(desk).await?.to_open(wanted, today)?;
    desk.cut(day).await?;
    Ok(status(desk).await?)
}

/// Freezes all days up to one, or up to the last that is over, and tells where the days are then.
///
/// # Errors
/// As [`DayError`] says.
pub async fn freeze<D: DayDesk>(desk: &D, wanted: Option<Day>) -> Result<DayStatus, DayError> {
    let through = status(desk).await?.to_freeze(wanted)?;
    desk.freeze(through).await?;
    Ok(status(desk).await?)
}
