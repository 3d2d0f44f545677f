//! Moves frozen writes to disk.
//!
//! The order makes every crash harmless: (1) journal rows are synced; (2) states, keys and the
//! length of the journal go to the LSM tree in batches, which become durable in their order;
//! (3) the last batch carries the offsets and is synced. A crash before (3) leaves states that are
//! ahead of the offsets, whose commands the fold skips, and rows that nobody points to.

use std::time::Instant;

use crate::journal::Journal;
use crate::lsm::Lsm;
use crate::mark::CheckpointMark;
use crate::overlay::{Frozen, Overlay};
use card_store::{PartitionCheckpoint, WriteError};

/// Moments of a checkpoint at which a test may copy the folder, or fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Rows are durable, nothing points to them.
    JournalSynced,
    /// Some states are in the LSM tree, the offsets are not.
    BatchCommitted,
    /// All is durable, the overlay still has it too.
    Committed,
}

/// Called at each [`Step`].
pub(crate) type StepHook<'a> = &'a dyn Fn(Step) -> Result<(), WriteError>;

/// What a checkpoint works on.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) journal: &'a Journal,
    pub(crate) lsm: &'a Lsm,
    pub(crate) overlay: &'a Overlay,
    pub(crate) mark: &'a mut CheckpointMark,
    pub(crate) batch_size: usize,
}

/// Makes the frozen set and the offsets durable. Returns the number of cards.
pub(crate) fn run(
    parts: Parts<'_>,
    frozen: &Frozen,
    partitions: &[PartitionCheckpoint],
    hook: StepHook<'_>,
) -> Result<usize, WriteError> {
    // Rows were appended before their state entered the overlay, so this covers all frozen ones.
    let journal_end = parts.journal.sync()?;
    hook(Step::JournalSynced)?;

    let mut card_count = 0;
    let mut batch = parts.lsm.batch();
    // In the first batch: no state may become durable before the length that covers its rows, or
    // the next start would cut them off.
    batch.journal_end(journal_end);
    for layer in parts.overlay.frozen_layers(frozen) {
        for (card, pending) in layer.iter() {
            batch.card(*card, pending);
            card_count += 1;
            if batch.size() >= parts.batch_size {
                batch.commit()?;
                batch = parts.lsm.batch();
                hook(Step::BatchCommitted)?;
            }
        }
    }
    for checkpoint in partitions {
        batch.partition(checkpoint);
    }
    batch.checkpoint_number(parts.mark.next());
    batch.commit_synced()?;
    parts.mark.advance()?;
    hook(Step::Committed)?;
    Ok(card_count)
}

/// The last checkpoint of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastCheckpoint {
    /// Cards that it moved to disk.
    pub card_count: usize,
    /// When it began.
    pub began_at: Instant,
    /// When it was durable.
    pub ended_at: Instant,
}
