//! What an assignment asks of the database: the seam at which the simulator puts its own.
//!
//! Everything that makes a late owner harmless is above it, in [`crate::AssignedStore`]: stamps, the
//! take-over of states and checkpoints, the patience with writes of unknown outcome. Below it there
//! are only cells with stamps, of which the highest wins.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::cards::{Cards, Found};
use crate::checkpoints::{self, OwnedCheckpoint};
use crate::cuts;
use crate::fault::Fault;
use crate::items;
use crate::mutation::Mutation;
use crate::session::CqlSession;
use crate::stamp::Assignment;
use card::{CardId, LegKey, PartitionId, Version};
use card_store::{BatchItem, BatchName, CutTotals, JournalRow, KeyName, NamedKey, StoreError};

/// The tables of the cluster. Reads and writes are at quorum. A write goes on when its future is
/// dropped.
pub trait Database: Clone + Debug + Send + Sync + 'static {
    /// Reads a state, which must be what a write of the switch left, and the newest row beside it.
    fn load(&self, card: CardId) -> impl Future<Output = Result<Option<Found>, StoreError>> + Send;

    /// Reads what is under an old key.
    fn find_key(
        &self,
        card: CardId,
        key: LegKey,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Reads what is under the offset of an old key.
    fn find_offset(
        &self,
        card: CardId,
        offset: u64,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Reads rows from `newest` back.
    fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> impl Future<Output = Result<Vec<JournalRow>, StoreError>> + Send;

    /// Lists old keys.
    fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> impl Future<Output = Result<Vec<NamedKey>, StoreError>> + Send;

    /// Lists cards.
    fn cards_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> impl Future<Output = Result<Vec<CardId>, StoreError>> + Send;

    /// STORE-1: writes a card's state and rows as one mutation of one partition, once.
    fn apply(&self, mutation: Arc<Mutation>) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Reads a partition's checkpoint.
    fn checkpoint(
        &self,
        partition: PartitionId,
    ) -> impl Future<Output = Result<Option<OwnedCheckpoint>, StoreError>> + Send;

    /// Writes a checkpoint, once.
    fn write_checkpoint(
        &self,
        checkpoint: &OwnedCheckpoint,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Writes a cut, once.
    fn write_cut(
        &self,
        by: &Assignment,
        cut: &CutTotals,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Reads cuts.
    fn cuts(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> impl Future<Output = Result<Vec<CutTotals>, StoreError>> + Send;

    /// Writes items, all of them once.
    fn write_items(&self, items: &[BatchItem]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Reads the items of a batch.
    fn items(
        &self,
        batch: BatchName,
    ) -> impl Future<Output = Result<Vec<BatchItem>, StoreError>> + Send;

    /// Writes what came of a batch, once.
    fn settle(
        &self,
        batch: BatchName,
        record: Bytes,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Reads what came of a batch.
    fn settled(
        &self,
        batch: BatchName,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Waits for a request of ours from a thread that may block.
    fn wait_for<T>(&self, runtime: &Handle, request: impl Future<Output = T>) -> T;
}

impl Database for CqlSession {
    async fn load(&self, card: CardId) -> Result<Option<Found>, StoreError> {
        self.of_cards().load(card).await
    }

    async fn find_key(&self, card: CardId, key: LegKey) -> Result<Option<Bytes>, StoreError> {
        self.of_cards().find_key(card, key).await
    }

    async fn find_offset(&self, card: CardId, offset: u64) -> Result<Option<Bytes>, StoreError> {
        self.of_cards().find_offset(card, offset).await
    }

    async fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        self.of_cards().rows_back(card, newest, max).await
    }

    async fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> Result<Vec<NamedKey>, StoreError> {
        self.of_cards().keys_after(card, after, max).await
    }

    async fn cards_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> Result<Vec<CardId>, StoreError> {
        self.of_cards().cards_after(after, max).await
    }

    async fn apply(&self, mutation: Arc<Mutation>) -> Result<(), Fault> {
        self.send(mutation).await
    }

    async fn checkpoint(
        &self,
        partition: PartitionId,
    ) -> Result<Option<OwnedCheckpoint>, StoreError> {
        checkpoints::read(self, partition).await
    }

    async fn write_checkpoint(&self, checkpoint: &OwnedCheckpoint) -> Result<(), Fault> {
        checkpoints::write(self, checkpoint).await
    }

    async fn write_cut(&self, by: &Assignment, cut: &CutTotals) -> Result<(), Fault> {
        cuts::write(self, by, cut).await
    }

    async fn cuts(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> Result<Vec<CutTotals>, StoreError> {
        cuts::read(self, partition, from, max).await
    }

    async fn write_items(&self, items: &[BatchItem]) -> Result<(), Fault> {
        items::write(self, items).await
    }

    async fn items(&self, batch: BatchName) -> Result<Vec<BatchItem>, StoreError> {
        items::read(self, batch).await
    }

    async fn settle(&self, batch: BatchName, record: Bytes) -> Result<(), Fault> {
        items::settle(self, batch, record).await
    }

    async fn settled(&self, batch: BatchName) -> Result<Option<Bytes>, StoreError> {
        items::settled(self, batch).await
    }

    fn wait_for<T>(&self, runtime: &Handle, request: impl Future<Output = T>) -> T {
        tokio::task::block_in_place(|| runtime.block_on(request))
    }
}

impl CqlSession {
    fn of_cards(&self) -> Cards {
        Cards {
            session: self.clone(),
        }
    }
}
