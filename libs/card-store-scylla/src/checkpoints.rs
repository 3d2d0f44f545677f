//! From where each partition is folded again (LOG-5).
//!
//! A checkpoint is stamped term | epoch | number, like a card. The offset alone must not decide: an
//! owner that was superseded may go on for a while, its writes acknowledged and lost to those of the
//! newer owner, and a checkpoint of it that won by its higher offset would pass over them for ever.

use bytes::Bytes;
use scylla::statement::prepared::PreparedStatement;

use crate::cards::unavailable;
use crate::columns::{all_rows, first_row};
use crate::fault::Fault;
use crate::session::{CqlSession, Preparing};
use crate::stamp::{Assignment, Epoch, Stamp, Term};
use card::PartitionId;
use card_store::{PartitionCheckpoint, StoreError};

/// The prepared statements of the table `partition_checkpoints`.
#[derive(Debug)]
pub(crate) struct CheckpointStatements {
    insert: PreparedStatement,
    one: PreparedStatement,
    all: PreparedStatement,
}

impl CheckpointStatements {
    pub(crate) async fn prepare(preparing: &Preparing<'_>) -> Result<Self, Fault> {
        let columns = "partition, term, epoch, number, next_offset, context, \
                       WRITETIME(number), WRITETIME(next_offset), WRITETIME(context)";
        let all = format!("SELECT {columns} FROM {{keyspace}}.partition_checkpoints");
        Ok(Self {
            insert: preparing
                .statement(
                    "INSERT INTO {keyspace}.partition_checkpoints \
                     (partition, term, epoch, number, next_offset, context) \
                     VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
                )
                .await?,
            one: preparing
                .statement(&format!("{all} WHERE partition = ?"))
                .await?,
            all: preparing.statement(&all).await?,
        })
    }
}

/// A checkpoint with who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedCheckpoint {
    /// Whose it is.
    pub by: Assignment,
    /// Counts the checkpoints of an assignment; 0 is the one it found.
    pub number: u32,
    /// None when no owner made one yet.
    pub made: Option<PartitionCheckpoint>,
}

/// Reads the checkpoint of a partition.
pub(crate) async fn read(
    session: &CqlSession,
    partition: PartitionId,
) -> Result<Option<OwnedCheckpoint>, StoreError> {
    let statement = &session.checkpoints().one;
    let rows = session
        .read(statement, (i32::from(partition.0),))
        .await
        .map_err(unavailable)?;
    let row = first_row::<Columns>(&rows).map_err(unavailable)?;
    row.map(checkpoint_of).transpose()
}

/// Reads the checkpoints of all partitions, in their order.
pub(crate) async fn read_all(session: &CqlSession) -> Result<Vec<PartitionCheckpoint>, StoreError> {
    let mut all: Vec<Columns> = Vec::new();
    let take = |page| {
        all.extend(all_rows::<Columns>(&page)?);
        Ok(())
    };
    let statement = &session.checkpoints().all;
    session
        .read_pages(statement, take)
        .await
        .map_err(unavailable)?;
    let mut made = Vec::new();
    for columns in all {
        made.extend(checkpoint_of(columns)?.made);
    }
    made.sort_unstable_by_key(|checkpoint| checkpoint.partition);
    Ok(made)
}

/// Writes a checkpoint once.
pub(crate) async fn write(session: &CqlSession, checkpoint: &OwnedCheckpoint) -> Result<(), Fault> {
    let Assignment {
        partition,
        term,
        epoch,
    } = checkpoint.by;
    let refused = |reason: String| Fault::Refused(reason);
    let stamp =
        Stamp::new(term, epoch, checkpoint.number).map_err(|error| refused(error.to_string()))?;
    let number = i32::try_from(checkpoint.number).map_err(|error| refused(error.to_string()))?;
    let made = checkpoint.made.as_ref();
    let next_offset = made.map_or(Ok(0), |made| i64::try_from(made.next_offset));
    let next_offset = next_offset.map_err(|error| refused(error.to_string()))?;
    let values = (
        i32::from(partition.0),
        i32::from(term.number()),
        i32::from(epoch.0),
        number,
        next_offset,
        made.map(|made| made.context.clone()),
        stamp.as_micros(),
    );
    session
        .write(session.checkpoints().insert.clone(), values)
        .await
}

type Columns = (
    i32,
    Option<i32>,
    Option<i32>,
    Option<i32>,
    Option<i64>,
    Option<Bytes>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

/// Checks that the switch wrote it: one that was changed by hand would win over all later ones.
fn checkpoint_of(columns: Columns) -> Result<OwnedCheckpoint, StoreError> {
    let (partition, term, epoch, number, next_offset, context, number_at, offset_at, context_at) =
        columns;
    let damaged = || {
        StoreError::Damaged(format!(
            "checkpoint of partition {partition} was written by hand; delete its row and restore it from a backup"
        ))
    };
    let by = Assignment {
        partition: PartitionId(narrow(Some(partition)).ok_or_else(damaged)?),
        term: narrow(term)
            .and_then(|term| Term::new(term).ok())
            .ok_or_else(damaged)?,
        epoch: Epoch(narrow(epoch).ok_or_else(damaged)?),
    };
    let number = narrow(number).ok_or_else(damaged)?;
    let stamp = Stamp::new(by.term, by.epoch, number).map_err(|_| damaged())?;
    let is_stamped = |at: Option<i64>| at == Some(stamp.as_micros());
    let is_genuine = is_stamped(number_at)
        && is_stamped(offset_at)
        && context_at.is_none_or(|at| is_stamped(Some(at)));
    if !is_genuine {
        return Err(damaged());
    }
    let next_offset = next_offset
        .and_then(|offset| u64::try_from(offset).ok())
        .ok_or_else(damaged)?;
    let made = context.map(|context| PartitionCheckpoint {
        partition: by.partition,
        next_offset,
        context,
    });
    Ok(OwnedCheckpoint { by, number, made })
}

fn narrow<T: TryFrom<i32>>(number: Option<i32>) -> Option<T> {
    number.and_then(|number| T::try_from(number).ok())
}
