//! The store of one assignment: one partition in the hands of one owner.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::cards::Found;
use crate::checkpoints::OwnedCheckpoint;
use crate::database::Database;
use crate::ended::Ended;
use crate::fault::Fault;
use crate::metric_names::{
    ASSIGNMENTS_SUPERSEDED_TOTAL, CHECKPOINT_SECONDS, LABEL_OUTCOME, STATES_DAMAGED_TOTAL,
    STATES_TAKEN_OVER_TOTAL, WRITE_SECONDS, WRITES_FAILED_TOTAL,
};
use crate::mutation::Mutation;
use crate::patience::{LogGate, Patience};
use crate::session::CqlSession;
use crate::stamp::Assignment;
use crate::state::OwnedState;
use card::{CardId, LegKey, PartitionId, Version};
use card_store::{
    BatchItem, BatchName, CardStore, CardWrite, CutTotals, JournalRow, KeyName, NamedKey,
    PartitionCheckpoint, StoreError, StoredCard, WriteError,
};
use mutants::{Mutant, broken};

/// Between two tries to take over a partition's checkpoint.
const TAKE_OVER_PAUSE: Duration = Duration::from_millis(50);

/// Why a partition cannot be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    /// It is someone else's by now.
    #[error("{0} was superseded; claim the partition again if it is still to be worked on here")]
    Superseded(Assignment),
    /// The assignment ended meanwhile.
    #[error("{0} has ended")]
    Ended(Assignment),
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The cards of one assignment. What it writes is durable when it returns.
#[derive(Debug)]
pub struct AssignedStore<D = CqlSession> {
    database: D,
    assignment: Assignment,
    ended: Ended,
    /// For [`CardStore::checkpoint`], which is called from a thread outside the runtime.
    runtime: Handle,
    checkpoint_number: AtomicU32,
    dirty: Mutex<HashSet<CardId>>,
    /// Cards with a write that was sent and not acknowledged yet. An actor that crashed meanwhile may
    /// load what only one replica has.
    unacknowledged: Mutex<HashSet<CardId>>,
    patience: Patience,
    log_gate: LogGate,
}

/// Nothing: what was written is durable.
#[derive(Debug, Clone, Copy)]
pub struct Frozen(());

impl<D: Database> AssignedStore<D> {
    /// Opens the store of an assignment, and takes over the partition's checkpoint under it: from
    /// here on, a late checkpoint of an earlier owner loses. Nothing of the partition may be read
    /// before. A read is tried a few times; a write of unknown outcome goes on until `ended`.
    ///
    /// # Errors
    /// As [`AssignError`] says; `ended` is set when the assignment was superseded.
    pub async fn for_assignment(
        database: D,
        assignment: Assignment,
        ended: Ended,
    ) -> Result<Self, AssignError> {
        let store = Self {
            database,
            assignment,
            ended,
            runtime: Handle::current(),
            checkpoint_number: AtomicU32::new(0),
            dirty: Mutex::default(),
            unacknowledged: Mutex::default(),
            patience: Patience::default(),
            log_gate: LogGate::default(),
        };
        store.take_over_checkpoint().await?;
        Ok(store)
    }

    /// Whose cards these are.
    #[must_use]
    pub const fn assignment(&self) -> Assignment {
        self.assignment
    }

    /// The flag that ends it.
    #[must_use]
    pub const fn ended(&self) -> &Ended {
        &self.ended
    }

    async fn take_over_checkpoint(&self) -> Result<(), AssignError> {
        let found = self.database.checkpoint(self.assignment.partition).await?;
        if broken(Mutant::CheckpointNotTakenOver) {
            return Ok(());
        }
        if let Some(found) = &found {
            if found.by.rank() > self.assignment.rank() {
                self.superseded("checkpoint");
                return Err(AssignError::Superseded(self.assignment));
            }
            if found.by == self.assignment {
                self.checkpoint_number
                    .store(found.number, Ordering::Release);
                return Ok(());
            }
        }
        let made = found.and_then(|found| found.made);
        let fence = OwnedCheckpoint {
            by: self.assignment,
            number: 0,
            made,
        };
        loop {
            if self.ended.is_ended() {
                return Err(AssignError::Ended(self.assignment));
            }
            match self.database.write_checkpoint(&fence).await {
                Ok(()) => return Ok(()),
                Err(Fault::Refused(reason)) => return Err(StoreError::Unavailable(reason).into()),
                Err(fault @ (Fault::Unknown(_) | Fault::NotDone(_))) => {
                    tracing::warn!(assignment = %self.assignment, %fault, "take over checkpoint, again");
                    tokio::time::sleep(TAKE_OVER_PAUSE).await;
                }
            }
        }
    }

    /// STORE-5: a state of an earlier owner is written again under our stamp, with the rows it
    /// carries, before the card works: from then on no late write of that owner can win.
    async fn take_over(&self, state: &OwnedState) -> Result<(), StoreError> {
        if broken(Mutant::StateNotTakenOver) {
            return Ok(());
        }
        let mutation =
            Mutation::new(&state.write, &self.assignment).map_err(StoreError::Damaged)?;
        let mutation = Arc::new(mutation);
        loop {
            match self.attempt(state.write.card, Arc::clone(&mutation)).await {
                Ok(()) => break,
                Err(WriteError::Unknown(_)) => {}
                Err(WriteError::Stopped(reason)) => return Err(StoreError::Unavailable(reason)),
            }
        }
        metrics::counter!(STATES_TAKEN_OVER_TOTAL).increment(1);
        Ok(())
    }

    /// Sends a mutation once. After a failure it waits a little, so that whoever repeats at once
    /// (STORE-3) does not drown a database in trouble.
    async fn attempt(&self, card: CardId, mutation: Arc<Mutation>) -> Result<(), WriteError> {
        if self.ended.is_ended() {
            return Err(self.stopped());
        }
        let started = Instant::now();
        // The request runs to its end in a task of its own, whoever stops waiting for it here.
        let answer = tokio::select! {
            biased;
            answer = self.database.apply(mutation) => answer,
            () = self.ended.ended() => return Err(self.stopped()),
        };
        let fault = match answer {
            Ok(()) => {
                metrics::histogram!(WRITE_SECONDS).record(started.elapsed());
                self.patience.succeeded(card);
                return Ok(());
            }
            Err(fault) => fault,
        };
        self.note_failure(card, &fault);
        if let Fault::Refused(reason) = fault {
            return Err(WriteError::Stopped(reason));
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(self.patience.failed(card)) => Err(WriteError::Unknown(fault.to_string())),
            () = self.ended.ended() => Err(self.stopped()),
        }
    }

    fn note_failure(&self, card: CardId, fault: &Fault) {
        let outcome = match fault {
            Fault::Unknown(_) => "unknown",
            Fault::NotDone(_) => "not_done",
            Fault::Refused(_) => "refused",
        };
        metrics::counter!(WRITES_FAILED_TOTAL, LABEL_OUTCOME => outcome).increment(1);
        if let Some(held_back) = self.log_gate.pass(Instant::now()) {
            let waiting = self.patience.waiting();
            tracing::warn!(%card, assignment = %self.assignment, %fault, waiting, held_back, "write a card");
        }
    }

    fn stopped(&self) -> WriteError {
        WriteError::Stopped(format!("{} has ended", self.assignment))
    }

    /// A newer owner was here: everything that this one would write loses.
    fn superseded(&self, seen_in: &str) {
        if self.ended.end() {
            metrics::counter!(ASSIGNMENTS_SUPERSEDED_TOTAL).increment(1);
            tracing::warn!(assignment = %self.assignment, seen_in, "a newer owner has written; this assignment ends");
        }
    }

    /// A state of our own has all its rows, because one mutation wrote them.
    fn check_rows(&self, found: &Found) -> Result<(), StoreError> {
        let version = found.state.write.state.version;
        if found.newest_row >= Some(version) {
            return Ok(());
        }
        metrics::counter!(STATES_DAMAGED_TOTAL).increment(1);
        Err(StoreError::Damaged(format!(
            "journal row {version} was deleted by hand"
        )))
    }

    async fn write_checkpoint(&self, made: PartitionCheckpoint) -> Result<(), WriteError> {
        if self.ended.is_ended() {
            return Err(self.stopped());
        }
        // After an unknown outcome the next checkpoint gets the next number: both are true.
        let number = self.checkpoint_number.fetch_add(1, Ordering::AcqRel) + 1;
        let checkpoint = OwnedCheckpoint {
            by: self.assignment,
            number,
            made: Some(made),
        };
        let written = self.database.write_checkpoint(&checkpoint).await;
        written.map_err(not_known_to_be_done)
    }

    async fn write_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        for cut in cuts {
            if self.ended.is_ended() {
                return Err(self.stopped());
            }
            let written = self.database.write_cut(&self.assignment, cut).await;
            written.map_err(not_known_to_be_done)?;
        }
        Ok(())
    }
}

impl<D: Database> CardStore for AssignedStore<D> {
    type Frozen = Frozen;

    async fn load(&self, card: CardId) -> Result<Option<StoredCard>, StoreError> {
        let Some(found) = self.database.load(card).await? else {
            return Ok(None);
        };
        let theirs = (found.state.term, found.state.epoch);
        if theirs > self.assignment.rank() {
            self.superseded("card");
            let text = format!(
                "{} was superseded by {}.{}",
                self.assignment, theirs.0, theirs.1
            );
            return Err(StoreError::Unavailable(text));
        }
        // OWN-2: what was never acknowledged is no more durable for being our own.
        let is_unacknowledged = self.unacknowledged.lock().contains(&card);
        if theirs < self.assignment.rank() || is_unacknowledged {
            self.take_over(&found.state).await?;
            self.unacknowledged.lock().remove(&card);
        } else {
            self.check_rows(&found)?;
        }
        Ok(Some(found.state.write.state))
    }

    async fn find_key(&self, card: CardId, key: LegKey) -> Result<Option<Bytes>, StoreError> {
        self.database.find_key(card, key).await
    }

    async fn find_offset(&self, card: CardId, offset: u64) -> Result<Option<Bytes>, StoreError> {
        self.database.find_offset(card, offset).await
    }

    async fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        self.database.rows_back(card, newest, max).await
    }

    async fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> Result<Vec<NamedKey>, StoreError> {
        self.database.keys_after(card, after, max).await
    }

    /// Lists the cards of all partitions.
    async fn cards_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> Result<Vec<CardId>, StoreError> {
        self.database.cards_after(after, max).await
    }

    async fn write(&self, write: CardWrite) -> Result<(), WriteError> {
        let mutation = Mutation::new(&write, &self.assignment).map_err(WriteError::Stopped)?;
        self.unacknowledged.lock().insert(write.card);
        self.attempt(write.card, Arc::new(mutation)).await?;
        self.unacknowledged.lock().remove(&write.card);
        self.dirty.lock().insert(write.card);
        Ok(())
    }

    fn freeze(&self) -> Frozen {
        self.dirty.lock().clear();
        Frozen(())
    }

    /// Writes the checkpoint of the assignment's partition. From a thread that may block: one of
    /// `spawn_blocking`, or of a multi-threaded runtime.
    fn checkpoint(&self, _: Frozen, partitions: &[PartitionCheckpoint]) -> Result<(), WriteError> {
        let own = |made: &&PartitionCheckpoint| made.partition == self.assignment.partition;
        if let Some(other) = partitions.iter().find(|made| !own(made)) {
            let text = format!(
                "{} cannot keep a checkpoint of partition {}",
                self.assignment, other.partition
            );
            return Err(WriteError::Stopped(text));
        }
        let Some(made) = partitions.iter().find(own) else {
            return Ok(());
        };
        let started = Instant::now();
        let write = self.write_checkpoint(made.clone());
        self.database.wait_for(&self.runtime, write)?;
        metrics::histogram!(CHECKPOINT_SECONDS).record(started.elapsed());
        Ok(())
    }

    /// The checkpoint of the assignment's partition, if one was made.
    async fn checkpoints(&self) -> Result<Vec<PartitionCheckpoint>, StoreError> {
        let found = self.database.checkpoint(self.assignment.partition).await?;
        let Some(found) = found else {
            return Ok(Vec::new());
        };
        if found.by.rank() > self.assignment.rank() {
            self.superseded("checkpoint");
            let text = format!(
                "{} was superseded by {}.{}",
                self.assignment, found.by.term, found.by.epoch
            );
            return Err(StoreError::Unavailable(text));
        }
        Ok(found.made.into_iter().collect())
    }

    /// Writes cuts of the assignment's partition, durable when this returns. From a thread that may
    /// block, as for a checkpoint.
    fn keep_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        let own = |cut: &CutTotals| cut.partition == self.assignment.partition;
        if let Some(other) = cuts.iter().find(|cut| !own(cut)) {
            let text = format!(
                "{} cannot keep a cut of partition {}",
                self.assignment, other.partition
            );
            return Err(WriteError::Stopped(text));
        }
        self.database.wait_for(&self.runtime, self.write_cuts(cuts))
    }

    async fn cut_totals(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> Result<Vec<CutTotals>, StoreError> {
        self.database.cuts(partition, from, max).await
    }

    /// Writes items, durable when this returns. From a thread that may block.
    fn keep_items(&self, items: &[BatchItem]) -> Result<(), WriteError> {
        if self.ended.is_ended() {
            return Err(self.stopped());
        }
        let write = self.database.write_items(items);
        let written = self.database.wait_for(&self.runtime, write);
        written.map_err(not_known_to_be_done)
    }

    async fn batch_items(&self, batch: BatchName) -> Result<Vec<BatchItem>, StoreError> {
        self.database.items(batch).await
    }

    async fn keep_batch(&self, batch: BatchName, record: Bytes) -> Result<(), WriteError> {
        let settled = self.database.settle(batch, record).await;
        settled.map_err(not_known_to_be_done)
    }

    async fn batch(&self, batch: BatchName) -> Result<Option<Bytes>, StoreError> {
        self.database.settled(batch).await
    }

    fn dirty_count(&self) -> usize {
        self.dirty.lock().len()
    }
}

pub(crate) fn not_known_to_be_done(fault: Fault) -> WriteError {
    match fault {
        Fault::Refused(reason) => WriteError::Stopped(reason),
        Fault::Unknown(_) | Fault::NotDone(_) => WriteError::Unknown(fault.to_string()),
    }
}
