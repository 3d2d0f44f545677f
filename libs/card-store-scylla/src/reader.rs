//! The store as those see it who own nothing: `check`, `show`, `export`.

use bytes::Bytes;

use crate::assigned::not_known_to_be_done;
use crate::cards::Cards;
use crate::checkpoints;
use crate::cuts;
use crate::items;
use crate::session::CqlSession;
use card::{CardId, LegKey, PartitionId, Version};
use card_store::{
    BatchItem, BatchName, CardStore, CardWrite, CutTotals, JournalRow, KeyName, NamedKey,
    PartitionCheckpoint, StoreError, StoredCard, WriteError,
};

/// Reads the cards of all partitions; refuses every write.
#[derive(Debug, Clone)]
pub struct ScyllaReader {
    cards: Cards,
}

impl ScyllaReader {
    /// A reader over this connection.
    #[must_use]
    pub const fn new(session: CqlSession) -> Self {
        Self {
            cards: Cards { session },
        }
    }
}

impl CardStore for ScyllaReader {
    type Frozen = ();

    async fn load(&self, card: CardId) -> Result<Option<StoredCard>, StoreError> {
        let found = self.cards.load(card).await?;
        Ok(found.map(|found| found.state.write.state))
    }

    async fn find_key(&self, card: CardId, key: LegKey) -> Result<Option<Bytes>, StoreError> {
        self.cards.find_key(card, key).await
    }

    async fn find_offset(&self, card: CardId, offset: u64) -> Result<Option<Bytes>, StoreError> {
        self.cards.find_offset(card, offset).await
    }

    async fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        self.cards.rows_back(card, newest, max).await
    }

    async fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> Result<Vec<NamedKey>, StoreError> {
        self.cards.keys_after(card, after, max).await
    }

    async fn cards_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> Result<Vec<CardId>, StoreError> {
        self.cards.cards_after(after, max).await
    }

    async fn write(&self, _: CardWrite) -> Result<(), WriteError> {
        Err(read_only())
    }

    fn freeze(&self) {}

    fn checkpoint(&self, (): (), _: &[PartitionCheckpoint]) -> Result<(), WriteError> {
        Err(read_only())
    }

    /// The checkpoints of all partitions, in their order.
    async fn checkpoints(&self) -> Result<Vec<PartitionCheckpoint>, StoreError> {
        checkpoints::read_all(&self.cards.session).await
    }

    fn keep_cuts(&self, _: &[CutTotals]) -> Result<(), WriteError> {
        Err(read_only())
    }

    async fn cut_totals(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> Result<Vec<CutTotals>, StoreError> {
        cuts::read(&self.cards.session, partition, from, max).await
    }

    fn keep_items(&self, _: &[BatchItem]) -> Result<(), WriteError> {
        Err(read_only())
    }

    async fn batch_items(&self, batch: BatchName) -> Result<Vec<BatchItem>, StoreError> {
        items::read(&self.cards.session, batch).await
    }

    /// The one thing that a reader writes: a batch belongs to no partition, its last word counts.
    async fn keep_batch(&self, batch: BatchName, record: Bytes) -> Result<(), WriteError> {
        let settled = items::settle(&self.cards.session, batch, record).await;
        settled.map_err(not_known_to_be_done)
    }

    async fn batch(&self, batch: BatchName) -> Result<Option<Bytes>, StoreError> {
        items::settled(&self.cards.session, batch).await
    }

    fn dirty_count(&self) -> usize {
        0
    }
}

fn read_only() -> WriteError {
    WriteError::Stopped("this store was opened for reading only".to_owned())
}
