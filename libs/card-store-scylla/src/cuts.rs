//! What was booked before each cut of a partition, for ever (LEDGER-2).
//!
//! The totals are a function of the log, so every owner that folds a cut writes the same bytes; the
//! stamp term | epoch | 0 only proves that the switch wrote them.

use bytes::Bytes;
use scylla::statement::prepared::PreparedStatement;

use crate::cards::unavailable;
use crate::columns::all_rows;
use crate::fault::Fault;
use crate::session::{CqlSession, Preparing};
use crate::stamp::{Assignment, Epoch, Stamp, Term};
use card::PartitionId;
use card_store::{CutTotals, StoreError};

/// The number in the stamp: a cut is written once, or again as it was.
const STAMP_NUMBER: u32 = 0;

/// The prepared statements of the table `cut_totals`.
#[derive(Debug)]
pub(crate) struct CutStatements {
    insert: PreparedStatement,
    from: PreparedStatement,
}

impl CutStatements {
    pub(crate) async fn prepare(preparing: &Preparing<'_>) -> Result<Self, Fault> {
        Ok(Self {
            insert: preparing
                .statement(
                    "INSERT INTO {keyspace}.cut_totals \
                     (partition, number, term, epoch, cut_offset, totals) \
                     VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
                )
                .await?,
            from: preparing
                .statement(
                    "SELECT number, term, epoch, cut_offset, totals, WRITETIME(epoch), \
                     WRITETIME(cut_offset), WRITETIME(totals) FROM {keyspace}.cut_totals \
                     WHERE partition = ? AND number >= ? LIMIT ?",
                )
                .await?,
        })
    }
}

/// Writes a cut once.
pub(crate) async fn write(
    session: &CqlSession,
    by: &Assignment,
    cut: &CutTotals,
) -> Result<(), Fault> {
    let refused = |reason: String| Fault::Refused(reason);
    let stamp =
        Stamp::new(by.term, by.epoch, STAMP_NUMBER).map_err(|error| refused(error.to_string()))?;
    let wide = |number: u64| i64::try_from(number).map_err(|error| refused(error.to_string()));
    let values = (
        i32::from(cut.partition.0),
        wide(cut.number)?,
        i32::from(by.term.number()),
        i32::from(by.epoch.0),
        wide(cut.offset)?,
        cut.totals.clone(),
        stamp.as_micros(),
    );
    session.write(session.cuts().insert.clone(), values).await
}

/// Reads the cuts of a partition from a number on, in their order.
pub(crate) async fn read(
    session: &CqlSession,
    partition: PartitionId,
    from: u64,
    max: usize,
) -> Result<Vec<CutTotals>, StoreError> {
    let (Ok(from), Ok(max)) = (i64::try_from(from), i32::try_from(max)) else {
        return Ok(Vec::new()); // No number is as high.
    };
    if max == 0 {
        return Ok(Vec::new());
    }
    let values = (i32::from(partition.0), from, max);
    let rows = session.read(&session.cuts().from, values).await;
    let rows = all_rows::<Columns>(&rows.map_err(unavailable)?).map_err(unavailable)?;
    rows.into_iter()
        .map(|columns| {
            let number = columns.0;
            cut_of(partition, columns).ok_or_else(|| {
                StoreError::Damaged(format!(
                    "cut {number} of partition {partition} was written by hand; restore its row from a backup"
                ))
            })
        })
        .collect()
}

type Columns = (
    i64,
    Option<i32>,
    Option<i32>,
    Option<i64>,
    Option<Bytes>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

/// None unless the switch wrote it.
fn cut_of(partition: PartitionId, columns: Columns) -> Option<CutTotals> {
    let (number, term, epoch, offset, totals, epoch_at, offset_at, totals_at) = columns;
    let term = Term::new(u8::try_from(term?).ok()?).ok()?;
    let epoch = Epoch(u16::try_from(epoch?).ok()?);
    let stamp = Stamp::new(term, epoch, STAMP_NUMBER).ok()?.as_micros();
    let is_genuine = [epoch_at, offset_at, totals_at] == [Some(stamp); 3];
    is_genuine.then_some(())?;
    Some(CutTotals {
        partition,
        number: u64::try_from(number).ok()?,
        offset: u64::try_from(offset?).ok()?,
        totals: totals?,
    })
}
