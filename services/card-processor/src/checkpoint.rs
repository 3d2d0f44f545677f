//! Checkpoints: how far the store is ahead of having to fold the log again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::blocking::blocking;
use crate::context::{Kept, PartitionContext};
use crate::gate::Gate;
use crate::partition::Shared;
use card::PartitionId;
use card_store::{CardStore, CutTotals, PartitionCheckpoint, WriteError};
use command_log::CommandLog;
use mutants::{Mutant, broken};

/// How often it is looked whether a checkpoint is due.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long an item of a batch waits at most until the store has it. A terminal that settles right
/// after a payment waits for it.
const ITEMS_INTERVAL: Duration = Duration::from_secs(1);

/// Makes checkpoints.
pub(crate) struct Checkpoints<S, L> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) log: Arc<L>,
    pub(crate) interval: Duration,
    pub(crate) dirty_cards_max: usize,
    /// The offsets of the last one.
    pub(crate) made: Mutex<Vec<(PartitionId, u64)>>,
}

impl<S: CardStore, L: CommandLog> Checkpoints<S, L> {
    /// Makes a checkpoint whenever one is due, until told to stop.
    pub(crate) async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        let mut last = Instant::now();
        let mut items_kept_at = Instant::now();
        let mut seen = self.progress();
        loop {
            tokio::select! {
                biased;
                _ = stopping.changed() => return,
                _ = look.tick() => {}
            }
            if items_kept_at.elapsed() >= ITEMS_INTERVAL {
                items_kept_at = Instant::now();
                if let Err(error) = self.keep_items().await {
                    tracing::error!(%error, "keep items of batches; they are tried again");
                }
            }
            let dirty = self.shared.store.dirty_count();
            let progress = self.progress();
            let moved = dirty > 0 || progress != seen;
            let due = dirty >= self.dirty_cards_max || (moved && last.elapsed() >= self.interval);
            if !due {
                continue;
            }
            last = Instant::now();
            seen = progress;
            if let Err(error) = self.make().await {
                tracing::error!(%error, "checkpoint failed; the log still has everything");
            }
        }
    }

    /// Makes one checkpoint.
    ///
    /// The offsets are read before the store is frozen, so states may be ahead of them, never
    /// behind; and nothing is made durable in the store whose command could still be lost.
    pub(crate) async fn make(&self) -> Result<(), WriteError> {
        let (partitions, cuts) = self.watermarks();
        // What the offsets leave behind must be kept before them.
        self.keep_items().await?;
        let kept: Vec<(PartitionId, u64)> =
            cuts.iter().map(|cut| (cut.partition, cut.number)).collect();
        let frozen = self.shared.store.freeze();
        let mut gate = Gate::new(self.log.durable());
        if !gate.reaches(self.shared.decided_through()).await {
            return Err(WriteError::Stopped("command log stopped".to_owned()));
        }
        let store = Arc::clone(&self.shared.store);
        let offsets: Vec<(PartitionId, u64)> = partitions
            .iter()
            .map(|kept| (kept.partition, kept.next_offset))
            .collect();
        // LEDGER-2: a cut is kept before the offset that lies behind it.
        let made = blocking(move || {
            if !broken(Mutant::OffsetBeforeCut) {
                store.keep_cuts(&cuts)?;
            }
            store.checkpoint(frozen, &partitions)
        })
        .await;
        made.map_err(|error| WriteError::Unknown(error.to_string()))??;
        for (partition, number) in kept {
            let state = self.shared.partition(partition);
            state.outstanding.lock().cuts_kept(number);
        }
        self.log.release_before(&offsets);
        *self.made.lock() = offsets;
        Ok(())
    }

    /// Keeps the items of batches that watermarks have passed. What cannot be kept now is tried
    /// again; after a crash the log has it.
    async fn keep_items(&self) -> Result<(), WriteError> {
        for (_, state) in self.shared.owned() {
            let items = state.outstanding.lock().take_items();
            if items.is_empty() {
                continue;
            }
            let store = Arc::clone(&self.shared.store);
            let kept = blocking(move || {
                let kept = match broken(Mutant::ItemsNotKept) {
                    true => Ok(()),
                    false => store.keep_items(&items),
                };
                (kept, items)
            })
            .await;
            let (kept, items) = kept.map_err(|error| WriteError::Unknown(error.to_string()))?;
            if let Err(error) = kept {
                state.outstanding.lock().items_not_kept(items);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Grows whenever a watermark does.
    fn progress(&self) -> u64 {
        let watermarks = self.shared.owned();
        watermarks
            .map(|(_, state)| state.outstanding.lock().watermark())
            .sum()
    }

    /// Where each partition is, and the cuts that it passed on the way there.
    fn watermarks(&self) -> (Vec<PartitionCheckpoint>, Vec<CutTotals>) {
        let mut cuts = Vec::new();
        let partitions = self.shared.owned().map(|(partition, state)| {
            let outstanding = state.outstanding.lock();
            cuts.extend(outstanding.cuts().iter().map(|cut| cut.to_kept(partition)));
            let kept = Kept {
                context: PartitionContext::clone(outstanding.context()),
                totals: outstanding.totals().clone(),
            };
            PartitionCheckpoint {
                partition,
                next_offset: outstanding.watermark(),
                context: kept.encode(),
            }
        });
        (partitions.collect(), cuts)
    }
}
