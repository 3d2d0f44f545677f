//! The keyspaces `items` and `batches`: what terminals' batches are made of, and what came of them.

use bytes::Bytes;
use fjall::PersistMode;

use super::{Lsm, get, read_error, write_error};
use card_store::{BatchItem, BatchName, ITEM_KEY_SIZE, StoreError, WriteError};

impl Lsm {
    /// Keeps items. A crash may undo it until a later batch is synced, which is that of the offsets
    /// behind them.
    pub(crate) fn keep_items(&self, items: &[BatchItem]) -> Result<(), WriteError> {
        let mut batch = self.db.batch().durability(None);
        for item in items {
            batch.insert(&self.items, item.key(), item.value());
        }
        batch.commit().map_err(|error| write_error(&error))
    }

    /// All items of a batch.
    pub(crate) fn batch_items(&self, batch: BatchName) -> Result<Vec<BatchItem>, StoreError> {
        let name = batch.to_bytes();
        let end = |byte| {
            let mut key = [byte; ITEM_KEY_SIZE];
            key.iter_mut()
                .zip(name)
                .for_each(|(slot, byte)| *slot = byte);
            key
        };
        let item = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner().map_err(|error| read_error(&error))?;
            BatchItem::read(&key, &value)
                .ok_or_else(|| StoreError::Damaged("keyspace items has a foreign row".into()))
        };
        self.items
            .range::<[u8; ITEM_KEY_SIZE], _>(end(0)..=end(u8::MAX))
            .map(item)
            .collect()
    }

    /// Keeps what came of a batch, durable when this returns.
    pub(crate) fn keep_batch(&self, batch: BatchName, record: &Bytes) -> Result<(), WriteError> {
        let mut writes = self.db.batch().durability(Some(PersistMode::SyncData));
        writes.insert(&self.batches, batch.to_bytes(), record.as_ref());
        writes.commit().map_err(|error| write_error(&error))
    }

    /// What came of a batch.
    pub(crate) fn settled_batch(&self, batch: BatchName) -> Result<Option<Bytes>, StoreError> {
        let value = get(&self.batches, &batch.to_bytes())?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }
}
