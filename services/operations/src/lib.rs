//! The back office of a running switch: settlement days and the float at each past cut-over.
//!
//! - [`DayDesk`] is the port to whatever keeps the days; [`DayStatus`] says where they are and which
//!   day a wish leads to.
//! - [`float_at`] tells the float at a past cut from the totals that each partition set aside
//!   (LEDGER-2), without looking at any card.
//!
//! Deliberately absent: deciding, which log and which store, ISO 8583.

#![warn(missing_docs)]

mod day;
mod desk;
mod float;
pub mod steps;

pub use day::{DayRefusal, DayStatus, DayStatusTold, LaggingTold, PartitionDays, date, parse_date};
pub use desk::{CutBooks, DayDesk, DeskError};
pub use float::{AccountTold, FloatAt, FloatError, FloatTold, ProgrammeTold, first_cuts, float_at};
pub use steps::DayError;
