//! The settlement days of a processor's partitions: opened and closed by marks in the log, and told
//! with the float at each past cut (LOG-5, LEDGER-2).

use std::sync::Arc;

use crate::context::{DayMarks, PartitionContext};
use crate::cuts::PassedCut;
use crate::marks::append_mark;
use crate::partition::{PartitionState, Shared};
use crate::processor::LOOK_INTERVAL;
use card::{Day, PartitionId, Position};
use card_store::{CardStore, StoreError};
use command_log::envelope::Mark;
use command_log::{AppendError, CommandLog};

/// A handle to the days of a running processor. When the processor has ended, marks are appended and
/// nobody here waits for them.
pub struct Days<S, L> {
    shared: Arc<Shared<S>>,
    log: Arc<L>,
}

impl<S, L> Clone for Days<S, L> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared), Arc::clone(&self.log))
    }
}

impl<S, L> std::fmt::Debug for Days<S, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Days").finish_non_exhaustive()
    }
}

impl<S, L> Days<S, L> {
    pub(crate) fn new(shared: Arc<Shared<S>>, log: Arc<L>) -> Self {
        Self { shared, log }
    }

    /// What the marks have done to each partition, as far as everything before them is released.
    #[must_use]
    pub fn marks(&self) -> Vec<(PartitionId, DayMarks)> {
        let marks = |state: &PartitionState| DayMarks::of(state.outstanding.lock().context());
        let owned = self.shared.owned();
        owned.map(|(id, state)| (id, marks(state))).collect()
    }
}

impl<S: CardStore, L: CommandLog> Days<S, L> {
    /// Dates new work with a day from here on (LOG-5), in every partition that does not yet. The
    /// day is its own number, so that whoever repeats it, after a crash or at once, asks for the
    /// same.
    ///
    /// # Errors
    /// [`AppendError`] when a mark cannot be appended; repeat it, to complete what was begun.
    pub async fn cut(&self, day: Day) -> Result<(), AppendError> {
        let lags = |context: &PartitionContext| context.cut_number < u64::from(day.0);
        self.mark_where(Mark::cut(day), lags).await
    }

    /// Closes all days up to one, in every partition that has opened a later one: what undoes their
    /// work is dated with the open day from here on.
    ///
    /// # Errors
    /// As [`Days::cut`].
    pub async fn freeze(&self, day: Day) -> Result<(), AppendError> {
        let lags = |context: &PartitionContext| {
            context.freeze_number < u64::from(day.0) && context.day > day
        };
        self.mark_where(Mark::freeze(day), lags).await
    }

    /// The first cut of a partition whose number is not below `from`, kept or still to be kept.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read, or holds something else.
    pub async fn first_cut(
        &self,
        partition: PartitionId,
        from: u64,
    ) -> Result<Option<PassedCut>, StoreError> {
        // What is still to be kept is looked at first: meanwhile it may be kept.
        let waiting = self.waiting_cut(partition, from);
        let kept = self.shared.store.cut_totals(partition, from, 1).await?;
        let kept = kept.first().map(PassedCut::read).transpose();
        let kept = kept.map_err(StoreError::Damaged)?;
        Ok([kept, waiting]
            .into_iter()
            .flatten()
            .min_by_key(|cut| cut.number))
    }

    fn waiting_cut(&self, partition: PartitionId, from: u64) -> Option<PassedCut> {
        let (_, state) = self.shared.owned().find(|(id, _)| *id == partition)?;
        let outstanding = state.outstanding.lock();
        let found = outstanding.cuts().iter().find(|cut| cut.number >= from);
        found.cloned()
    }

    /// Appends a mark where it is wanted, and waits until it is passed there.
    pub(crate) async fn mark_where(
        &self,
        mark: Mark,
        wanted: impl Fn(&PartitionContext) -> bool,
    ) -> Result<(), AppendError> {
        let owned = self.shared.owned();
        let marked = owned.filter(|(_, state)| wanted(state.outstanding.lock().context()));
        let partitions: Vec<PartitionId> = marked.map(|(partition, _)| partition).collect();
        let positions = append_mark(&self.log, &partitions, mark).await?;
        self.passed(&positions).await;
        Ok(())
    }

    /// Waits until these records are released, or their partitions stopped.
    async fn passed(&self, positions: &[Position]) {
        let waits = |position: &&Position| {
            let state = self.shared.partition(position.partition);
            let watermark = state.outstanding.lock().watermark();
            state.stop_reason().is_none() && watermark <= position.offset
        };
        while positions.iter().find(waits).is_some() && !self.shared.has_ended() {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}
