//! Where the connector reads what a terminal's batch is made of, and notes what came of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use card_store::{BatchItem, BatchName, CardStore, StoreError, WriteError};

/// An answer that takes a while.
pub type Later<'b, T> = Pin<Box<dyn Future<Output = T> + Send + 'b>>;

/// The book of terminals' batches.
pub trait BatchBook: Send + Sync + 'static {
    /// All items of a batch; the youngest come up to a second after their answers.
    fn items(&self, batch: BatchName) -> Later<'_, Result<Vec<BatchItem>, StoreError>>;

    /// Notes what came of a batch, durable when this returns.
    fn note(&self, batch: BatchName, record: Bytes) -> Later<'_, Result<(), WriteError>>;
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
}
