//! The card processor: folds the command log, one actor for each live card.
//!
//! Start at [`Processor::start`]. A worker (`worker.rs`) takes records in log order, with a credit
//! for each, to the card's actor (`actor.rs`), which decides (`fold.rs`) and writes to the store.
//! The release stage (`release.rs`) lets a reply go only when it holds a [`gate::Durable`]
//! decision, and moves the watermark (`outstanding.rs`). Checkpoints (`checkpoint.rs`) bound what
//! a restart folds again (`recovery.rs`).
//!
//! Not here: ISO 8583, links, which log and which store.

#![warn(missing_docs)]

mod actor;
mod blocking;
mod bundles;
mod checkpoint;
mod context;
mod cuts;
mod days;
mod error;
mod fold;
pub mod gate;
mod inbox;
mod live;
mod marks;
pub mod metric_names;
mod outstanding;
mod partition;
mod processor;
mod recovery;
mod release;
mod settings;
mod spans;
mod totals;
mod worker;

pub use bundles::{BundleError, BundleFolder, Bundles};
pub use context::{DayMarks, PartitionContext, read_checkpoint};
pub use cuts::PassedCut;
pub use days::Days;
pub use error::{StartError, StopReason};
pub use marks::{InstallError, append_mark, check_successor};
pub use processor::{Parts, Processor, RecoveryReport, Takeover};
pub use settings::ProcessorSettings;
pub use totals::ControlTotals;
