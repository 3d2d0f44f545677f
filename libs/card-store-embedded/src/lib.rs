//! The card store of one process on one disk, behind the durable log.
//!
//! Nothing here is synced when it is written: the log already holds every command, and folding it
//! again writes the same bytes. What is written waits in memory (the overlay) until a checkpoint
//! moves it to disk, one coalesced state per card. On disk:
//!
//! - `journal/NNNN.seg`: the journal rows, append-only, each pointing back to the row before it
//!   on its card, so that a decision costs one sequential write and no index;
//! - `lsm/`: a fjall database with the states, the old keys, the partitions' checkpoints and the
//!   length of the journal;
//! - `checkpoint`: the number of the last acknowledged checkpoint, to notice a tree that lost it.
//!
//! Order on disk: rows are synced before a state that points to them is, states are before the
//! offsets from which the log is folded again. So a crash at any moment leaves states that may be
//! ahead of the offsets (the fold skips what a card has applied) and never behind them.
//!
//! Deliberately absent: deciding, fencing, the log, and any knowledge of what a body or row says.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod checkpoint;
#[cfg(test)]
mod crash_tests;
mod cuts;
mod journal;
mod lsm;
mod mark;
mod metric_names;
mod options;
mod overlay;
mod store;
mod torn_tail;

pub use checkpoint::LastCheckpoint;
pub use cuts::KeptCuts;
pub use options::{OpenError, Options};
pub use overlay::Frozen;
pub use store::{EmbeddedStore, Stats};
