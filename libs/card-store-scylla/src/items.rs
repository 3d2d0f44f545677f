//! Items of terminals' batches, and what came of the batches.
//!
//! Items are a function of the log: a late write of an earlier owner writes the same bytes, so they
//! need no stamp.

use bytes::Bytes;
use scylla::statement::prepared::PreparedStatement;
use tokio::task::JoinSet;

use crate::cards::unavailable;
use crate::columns::all_rows;
use crate::fault::Fault;
use crate::session::{CqlSession, Preparing};
use card_store::{BatchItem, BatchName, ITEM_KEY_SIZE, StoreError};

/// Writes of items that are on their way at once.
const WRITES_IN_FLIGHT_MAX: usize = 64;
/// Bytes of a key that are its position: partition 2, offset 8.
const POSITION_SIZE: usize = 10;
const NAME_SIZE: usize = ITEM_KEY_SIZE - POSITION_SIZE;

/// The prepared statements of the tables `batch_items` and `batches`.
#[derive(Debug)]
pub(crate) struct ItemStatements {
    insert: PreparedStatement,
    of_batch: PreparedStatement,
    settle: PreparedStatement,
    settled: PreparedStatement,
}

impl ItemStatements {
    pub(crate) async fn prepare(preparing: &Preparing<'_>) -> Result<Self, Fault> {
        Ok(Self {
            insert: preparing
                .statement(
                    "INSERT INTO {keyspace}.batch_items (batch_name, position, data) VALUES (?, ?, ?)",
                )
                .await?,
            of_batch: preparing
                .statement("SELECT position, data FROM {keyspace}.batch_items WHERE batch_name = ?")
                .await?,
            settle: preparing
                .statement("INSERT INTO {keyspace}.batches (batch_name, data) VALUES (?, ?)")
                .await?,
            settled: preparing
                .statement("SELECT data FROM {keyspace}.batches WHERE batch_name = ?")
                .await?,
        })
    }
}

/// Writes items, many at once; returns when all are done.
pub(crate) async fn write(session: &CqlSession, items: &[BatchItem]) -> Result<(), Fault> {
    let mut writes: JoinSet<Result<(), Fault>> = JoinSet::new();
    for item in items {
        if writes.len() >= WRITES_IN_FLIGHT_MAX {
            one(&mut writes).await?;
        }
        let key = item.key();
        let (name, position) = key.split_at(NAME_SIZE);
        let values = (name.to_vec(), position.to_vec(), item.value());
        let statement = session.items().insert.clone();
        let session = session.clone();
        writes.spawn(async move { session.write(statement, values).await });
    }
    while !writes.is_empty() {
        one(&mut writes).await?;
    }
    Ok(())
}

async fn one(writes: &mut JoinSet<Result<(), Fault>>) -> Result<(), Fault> {
    match writes.join_next().await {
        Some(Ok(written)) => written,
        Some(Err(error)) => Err(Fault::Unknown(error.to_string())),
        None => Ok(()),
    }
}

/// Reads all items of a batch.
pub(crate) async fn read(
    session: &CqlSession,
    batch: BatchName,
) -> Result<Vec<BatchItem>, StoreError> {
    let name = batch.to_bytes();
    let rows = session
        .read(&session.items().of_batch, (name.to_vec(),))
        .await;
    let rows = all_rows::<(Bytes, Bytes)>(&rows.map_err(unavailable)?).map_err(unavailable)?;
    rows.into_iter()
        .map(|(position, data)| {
            let key = [name.as_slice(), &position].concat();
            BatchItem::read(&key, &data)
                .ok_or_else(|| StoreError::Damaged("table batch_items has a foreign row".into()))
        })
        .collect()
}

/// Writes what came of a batch.
pub(crate) async fn settle(
    session: &CqlSession,
    batch: BatchName,
    record: Bytes,
) -> Result<(), Fault> {
    let values = (batch.to_bytes().to_vec(), record);
    session.write(session.items().settle.clone(), values).await
}

/// Reads what came of a batch.
pub(crate) async fn settled(
    session: &CqlSession,
    batch: BatchName,
) -> Result<Option<Bytes>, StoreError> {
    let values = (batch.to_bytes().to_vec(),);
    let rows = session.read(&session.items().settled, values).await;
    let rows = all_rows::<(Bytes,)>(&rows.map_err(unavailable)?).map_err(unavailable)?;
    Ok(rows.into_iter().next().map(|(data,)| data))
}
