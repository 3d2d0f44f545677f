//! Where the connector reads what a terminal's batch or an acquirer's day is made of, and notes what
//! came of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use card::{CardId, Day, Kind, PartitionId, Row, Version};
use card_store::{BatchItem, BatchName, CardStore, StoreError, WriteError};

/// An answer that takes a while.
pub type Later<'b, T> = Pin<Box<dyn Future<Output = T> + Send + 'b>>;

/// How far a settlement day is, as the kept cuts tell: they come up to a checkpoint late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayProgress {
    /// No partition is known to have opened it or a later one.
    NotOpened,
    /// None is known to have opened a later one.
    Open,
    /// A later one is open.
    Over,
}

/// The book of terminals' batches and of acquirers' days.
pub trait BatchBook: Send + Sync + 'static {
    /// All items of a batch; the youngest come up to a second after their answers.
    fn items(&self, batch: BatchName) -> Later<'_, Result<Vec<BatchItem>, StoreError>>;

    /// Notes what came of a batch, durable when this returns.
    fn note(&self, batch: BatchName, record: Bytes) -> Later<'_, Result<(), WriteError>>;

    /// How far a settlement day is in these partitions.
    fn progress(
        &self,
        day: Day,
        partition_count: u16,
    ) -> Later<'_, Result<DayProgress, StoreError>>;

    /// What a decision of a card was; none when there is no such decision.
    fn kind(&self, card: CardId, version: Version) -> Later<'_, Result<Option<Kind>, StoreError>>;
}

/// The batches of a card store.
#[derive(Debug)]
pub struct StoreBatches<S>(pub Arc<S>);

impl<S: CardStore> BatchBook for StoreBatches<S> {
    fn items(&self, batch: BatchName) -> Later<'_, Result<Vec<BatchItem>, StoreError>> {
        Box::pin(self.0.batch_items(batch))
    }

    fn note(&self, batch: BatchName, record: Bytes) -> Later<'_, Result<(), WriteError>> {
        Box::pin(self.0.keep_batch(batch, record))
    }

    fn progress(
        &self,
        day: Day,
        partition_count: u16,
    ) -> Later<'_, Result<DayProgress, StoreError>> {
        Box::pin(async move {
            let mut progress = DayProgress::NotOpened;
            for partition in (0..partition_count).map(PartitionId) {
                // A cut is numbered by the day that it opens.
                let cuts = self.0.cut_totals(partition, day.0.into(), 2).await?;
                match cuts.last() {
                    Some(cut) if cut.number > u64::from(day.0) => return Ok(DayProgress::Over),
                    Some(_) => progress = DayProgress::Open,
                    None => {}
                }
            }
            Ok(progress)
        })
    }

    fn kind(&self, card: CardId, version: Version) -> Later<'_, Result<Option<Kind>, StoreError>> {
        Box::pin(async move {
            let rows = self.0.rows_back(card, Some(version), 1).await?;
            let Some(kept) = rows.first().filter(|kept| kept.version == version) else {
                return Ok(None);
            };
            let row = Row::decode(&kept.bytes);
            let row = row.map_err(|error| StoreError::Damaged(error.to_string()))?;
            Ok(Some(row.kind))
        })
    }
}
