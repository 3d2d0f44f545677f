//! A card store that lives in memory: for tests and for the simulator.
//!
//! It is also the model of the port: what [`MemoryStore::crash`] leaves behind is what an embedded
//! adapter must show when it is opened again. It is neither fast nor bounded.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::items::{BatchItem, BatchName, ITEM_KEY_SIZE};
use crate::port::{
    CardStore, CardWrite, CutTotals, JournalRow, KeyName, NamedKey, PartitionCheckpoint,
    StoreError, StoredCard, WriteError,
};
use card::{CardId, LegKey, PartitionId, Version};

/// Keeps everything in maps.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

/// Writes that were set aside for a checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Frozen {
    generation: u64,
}

#[derive(Debug, Default)]
struct Inner {
    /// What every read sees.
    visible: Tables,
    /// What a crash leaves behind.
    durable: Tables,
    partitions: BTreeMap<PartitionId, PartitionCheckpoint>,
    cuts: BTreeMap<(PartitionId, u64), CutTotals>,
    items: BTreeMap<[u8; ITEM_KEY_SIZE], BatchItem>,
    batches: BTreeMap<BatchName, Bytes>,
    live: Vec<CardWrite>,
    dirty: BTreeSet<CardId>,
    /// Oldest first. A set whose checkpoint never came is part of the next one.
    frozen: Vec<(u64, Vec<CardWrite>)>,
    generation: u64,
}

#[derive(Debug, Clone, Default)]
struct Tables {
    states: BTreeMap<CardId, StoredCard>,
    rows: BTreeMap<(CardId, Version), Bytes>,
    by_key: BTreeMap<(CardId, LegKey), Bytes>,
    by_offset: BTreeMap<(CardId, u64), Bytes>,
}

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the store that a process finds after a crash of this one: what was checkpointed.
    #[must_use]
    pub fn crash(&self) -> Self {
        let inner = self.inner.lock();
        let left = Inner {
            visible: inner.durable.clone(),
            durable: inner.durable.clone(),
            partitions: inner.partitions.clone(),
            cuts: inner.cuts.clone(),
            items: inner.items.clone(),
            batches: inner.batches.clone(),
            ..Inner::default()
        };
        Self {
            inner: Mutex::new(left),
        }
    }
}

impl CardStore for MemoryStore {
    type Frozen = Frozen;

    async fn load(&self, card: CardId) -> Result<Option<StoredCard>, StoreError> {
        Ok(self.inner.lock().visible.states.get(&card).cloned())
    }

    async fn find_key(&self, card: CardId, key: LegKey) -> Result<Option<Bytes>, StoreError> {
        Ok(self.inner.lock().visible.by_key.get(&(card, key)).cloned())
    }

    async fn find_offset(&self, card: CardId, offset: u64) -> Result<Option<Bytes>, StoreError> {
        Ok(self
            .inner
            .lock()
            .visible
            .by_offset
            .get(&(card, offset))
            .cloned())
    }

    async fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        let first = (card, Version(0));
        let last = (card, newest.unwrap_or(Version(u32::MAX)));
        let inner = self.inner.lock();
        let newest_first = inner.visible.rows.range(first..=last).rev().take(max);
        Ok(newest_first
            .map(|((_, version), bytes)| JournalRow {
                version: *version,
                bytes: bytes.clone(),
            })
            .collect())
    }

    async fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> Result<Vec<NamedKey>, StoreError> {
        let inner = self.inner.lock();
        let by_key = (card, LegKey([0; 12]))..=(card, LegKey([u8::MAX; 12]));
        let by_key = inner.visible.by_key.range(by_key);
        let by_key = by_key.map(|((_, key), bytes)| (KeyName::Key(*key), bytes));
        let by_offset = inner.visible.by_offset.range((card, 0)..=(card, u64::MAX));
        let by_offset = by_offset.map(|((_, offset), bytes)| (KeyName::Offset(*offset), bytes));
        Ok(by_key
            .chain(by_offset)
            .filter(|(name, _)| after.is_none_or(|after| *name > after))
            .take(max)
            .map(|(name, bytes)| NamedKey {
                name,
                bytes: bytes.clone(),
            })
            .collect())
    }

    async fn cards_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> Result<Vec<CardId>, StoreError> {
        let inner = self.inner.lock();
        let ids = inner.visible.states.keys().copied();
        Ok(ids
            .filter(|id| after.is_none_or(|after| *id > after))
            .take(max)
            .collect())
    }

    async fn write(&self, write: CardWrite) -> Result<(), WriteError> {
        let mut inner = self.inner.lock();
        inner.visible.apply(&write);
        inner.dirty.insert(write.card);
        inner.live.push(write);
        Ok(())
    }

    fn freeze(&self) -> Frozen {
        let mut inner = self.inner.lock();
        inner.generation += 1;
        let generation = inner.generation;
        let writes = std::mem::take(&mut inner.live);
        inner.dirty.clear();
        inner.frozen.push((generation, writes));
        Frozen { generation }
    }

    fn checkpoint(
        &self,
        frozen: Frozen,
        partitions: &[PartitionCheckpoint],
    ) -> Result<(), WriteError> {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let waiting = inner
            .frozen
            .partition_point(|(number, _)| *number <= frozen.generation);
        for (_, writes) in inner.frozen.drain(..waiting) {
            writes.iter().for_each(|write| inner.durable.apply(write));
        }
        for checkpoint in partitions {
            inner
                .partitions
                .insert(checkpoint.partition, checkpoint.clone());
        }
        Ok(())
    }

    async fn checkpoints(&self) -> Result<Vec<PartitionCheckpoint>, StoreError> {
        Ok(self.inner.lock().partitions.values().cloned().collect())
    }

    fn keep_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        let mut inner = self.inner.lock();
        for cut in cuts {
            inner.cuts.insert((cut.partition, cut.number), cut.clone());
        }
        Ok(())
    }

    async fn cut_totals(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> Result<Vec<CutTotals>, StoreError> {
        let inner = self.inner.lock();
        let range = (partition, from)..=(partition, u64::MAX);
        let kept = inner.cuts.range(range).take(max);
        Ok(kept.map(|(_, cut)| cut.clone()).collect())
    }

    fn keep_items(&self, items: &[BatchItem]) -> Result<(), WriteError> {
        let mut inner = self.inner.lock();
        for item in items {
            inner.items.insert(item.key(), *item);
        }
        Ok(())
    }

    async fn batch_items(&self, batch: BatchName) -> Result<Vec<BatchItem>, StoreError> {
        let inner = self.inner.lock();
        let items = inner.items.values();
        Ok(items.filter(|item| item.batch == batch).copied().collect())
    }

    async fn keep_batch(&self, batch: BatchName, record: Bytes) -> Result<(), WriteError> {
        self.inner.lock().batches.insert(batch, record);
        Ok(())
    }

    async fn batch(&self, batch: BatchName) -> Result<Option<Bytes>, StoreError> {
        Ok(self.inner.lock().batches.get(&batch).cloned())
    }

    fn dirty_count(&self) -> usize {
        self.inner.lock().dirty.len()
    }
}

impl Tables {
    fn apply(&mut self, write: &CardWrite) {
        let card = write.card;
        self.states.insert(card, write.state.clone());
        for row in &write.rows {
            self.rows.insert((card, row.version), row.bytes.clone());
        }
        for row in &write.keys {
            self.by_key.insert((card, row.key), row.bytes.clone());
            self.by_offset.insert((card, row.offset), row.bytes.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;
    use crate::contract;

    struct InMemory;

    impl contract::Place for InMemory {
        type Store = MemoryStore;

        fn create(&self) -> MemoryStore {
            MemoryStore::new()
        }

        fn crash(&self, store: MemoryStore) -> MemoryStore {
            store.crash()
        }
    }

    #[test]
    fn passes_the_contract() {
        contract::ready(contract::run(&InMemory));
    }
}
