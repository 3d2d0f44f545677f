//! The port: what the switch asks of a store, and what it may rely on.

use std::future::Future;

use bytes::Bytes;

use crate::items::{BatchItem, BatchName};
use card::{CardId, LegKey, PartitionId, Position, Version};

/// A card's state as it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCard {
    /// The version that the body shows.
    pub version: Version,
    /// The record whose decision wrote it.
    pub position: Position,
    /// The canonical encoding of the card (`card::Card`). Opaque here.
    pub body: Bytes,
}

/// One decision of a card's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Its number on the card; rows of a card have no gaps.
    pub version: Version,
    /// The canonical encoding of the row. Opaque here.
    pub bytes: Bytes,
}

/// What is left of a ring entry that made room for a younger one (STORE-6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Finds it by the identity of the request.
    pub key: LegKey,
    /// Finds it by RRN.
    pub offset: u64,
    /// The encoding of the entry. Opaque here; a later row of the same key replaces it.
    pub bytes: Bytes,
}

/// One of the two names under which an old key is found. All keys come before all offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyName {
    /// The identity of the request.
    Key(LegKey),
    /// The offset that an RRN names.
    Offset(u64),
}

/// What is found under a name of an old key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKey {
    /// The name.
    pub name: KeyName,
    /// The bytes of the latest [`KeyRow`] with this name.
    pub bytes: Bytes,
}

/// What one or more decisions of a card leave behind: all of it or nothing (STORE-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardWrite {
    /// The card.
    pub card: CardId,
    /// The new state.
    pub state: StoredCard,
    /// The new rows, oldest first; the last one has the state's version.
    pub rows: Vec<JournalRow>,
    /// Keys that left the ring.
    pub keys: Vec<KeyRow>,
}

/// From where a partition is folded again, with the context in force there (LOG-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionCheckpoint {
    /// The partition.
    pub partition: PartitionId,
    /// The first record that may not be in the states yet.
    pub next_offset: u64,
    /// Encoded context (open day, frozen-through day, rules, last time). Opaque here.
    pub context: Bytes,
}

/// What was booked in a partition before one of its cuts (LEDGER-2). A function of the log: whoever
/// keeps it again keeps the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutTotals {
    /// The partition.
    pub partition: PartitionId,
    /// The number of the cut.
    pub number: u64,
    /// The record that is the cut's mark: what lies before it is counted, nothing else.
    pub offset: u64,
    /// Encoded day, time and control totals. Opaque here.
    pub totals: Bytes,
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Cannot be reached or read right now.
    #[error("card store is unavailable: {0}")]
    Unavailable(String),
    /// What is there is not what was written: the card stops, with an alarm.
    #[error("card store holds damaged data: {0}")]
    Damaged(String),
}

/// Why a write is not known to be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// May or may not be done: the same bytes again, until acknowledged (STORE-3).
    #[error("outcome of the write is unknown: {0}")]
    Unknown(String),
    /// Cannot be done here any more; the processor stops.
    #[error("card store has stopped: {0}")]
    Stopped(String),
}

/// Keeps cards.
pub trait CardStore: Send + Sync + 'static {
    /// The frozen set of writes that a checkpoint makes durable.
    type Frozen: Send + 'static;

    /// Reads a card's state; sees every earlier [`CardStore::write`], durable or not.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn load(
        &self,
        card: CardId,
    ) -> impl Future<Output = Result<Option<StoredCard>, StoreError>> + Send;

    /// Finds the latest key row of this key.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn find_key(
        &self,
        card: CardId,
        key: LegKey,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Finds the latest key row whose RRN names this offset.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn find_offset(
        &self,
        card: CardId,
        offset: u64,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Reads the rows of a card from `newest` (or the last one) back to older ones, at most `max`.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> impl Future<Output = Result<Vec<JournalRow>, StoreError>> + Send;

    /// Lists what is found under the names of a card's old keys behind `after`, in the order of the
    /// names, at most `max`. The two names of a row lead to different rows when a younger request
    /// took over one of them, so both are listed.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> impl Future<Output = Result<Vec<NamedKey>, StoreError>> + Send;

    /// Lists cards after `after`, each once, in an order of the store's own, at most `max`.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn cards_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> impl Future<Output = Result<Vec<CardId>, StoreError>> + Send;

    /// Makes one unit of work visible to every later read. In the cluster it is durable when this
    /// returns; embedded it is durable because the log is, and a later fold does it again.
    ///
    /// # Errors
    /// As [`WriteError`] says.
    fn write(&self, write: CardWrite) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Sets aside everything written so far for the next [`CardStore::checkpoint`]. Cheap; later
    /// writes go on beside it.
    fn freeze(&self) -> Self::Frozen;

    /// Makes the frozen writes and these offsets durable, in one atomic unit. The caller has seen
    /// that the log is durable through every frozen write.
    ///
    /// Blocks on the disk: call it from a thread that may.
    ///
    /// # Errors
    /// As [`WriteError`] says; nothing was lost, the log still has it.
    fn checkpoint(
        &self,
        frozen: Self::Frozen,
        partitions: &[PartitionCheckpoint],
    ) -> Result<(), WriteError>;

    /// The offsets and contexts of the last checkpoint, none for a new store.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn checkpoints(
        &self,
    ) -> impl Future<Output = Result<Vec<PartitionCheckpoint>, StoreError>> + Send;

    /// Keeps the totals of cuts for ever: durable at the latest with the next
    /// [`CardStore::checkpoint`], so that no offset behind a cut is ever kept without them. Kept
    /// again, nothing changes.
    ///
    /// Blocks on the disk: call it from a thread that may.
    ///
    /// # Errors
    /// As [`WriteError`] says; nothing was lost, the log still has it.
    fn keep_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError>;

    /// Lists the kept cuts of a partition from the number `from` on, in the order of their numbers,
    /// at most `max`.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn cut_totals(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> impl Future<Output = Result<Vec<CutTotals>, StoreError>> + Send;

    /// Keeps items of terminals' batches: durable at the latest with the next
    /// [`CardStore::checkpoint`]. Kept again, nothing changes.
    ///
    /// Blocks on the disk: call it from a thread that may.
    ///
    /// # Errors
    /// As [`WriteError`] says; nothing was lost, the log still has it.
    fn keep_items(&self, items: &[BatchItem]) -> Result<(), WriteError>;

    /// All items of a batch that were kept.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn batch_items(
        &self,
        batch: BatchName,
    ) -> impl Future<Output = Result<Vec<BatchItem>, StoreError>> + Send;

    /// Keeps what came of a batch when its terminal settled it; a later word replaces an earlier
    /// one. Durable when this returns.
    ///
    /// # Errors
    /// As [`WriteError`] says.
    fn keep_batch(
        &self,
        batch: BatchName,
        record: Bytes,
    ) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// What came of a batch, if its terminal settled it.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn batch(
        &self,
        batch: BatchName,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// How many cards were written since the last freeze.
    fn dirty_count(&self) -> usize;
}
