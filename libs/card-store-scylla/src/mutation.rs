//! A card's write as the database takes it: one partition, one stamp (STORE-1).

use std::collections::BTreeMap;

use bytes::Bytes;
use scylla::serialize::batch::BatchValues;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::MaybeUnset;

use crate::stamp::{Assignment, Stamp};
use crate::state;
use card::CardId;
use card_store::CardWrite;

/// What a row of a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKind {
    /// A decision.
    Journal,
    /// An old key.
    Key,
    /// The offset of an old key.
    Offset,
}

impl RowKind {
    /// As the column `kind` has it.
    pub(crate) const fn number(self) -> i8 {
        match self {
            Self::Journal => 1,
            Self::Key => 2,
            Self::Offset => 3,
        }
    }
}

/// One write, encoded once and sent until it is acknowledged.
#[derive(Debug)]
pub struct Mutation {
    card: CardId,
    stamp: Stamp,
    state: Bytes,
    /// Each row once: of two cells with one stamp the database would take the larger one.
    rows: BTreeMap<(RowKind, Vec<u8>), Bytes>,
}

impl Mutation {
    pub(crate) fn new(write: &CardWrite, assignment: &Assignment) -> Result<Self, String> {
        let stamp = assignment
            .stamp(write.state.version)
            .map_err(|error| error.to_string())?;
        let state = state::encode(write, assignment.term, assignment.epoch)
            .map_err(|error| error.to_string())?;
        let mut rows = BTreeMap::new();
        for row in &write.rows {
            let version = row.version.0.to_be_bytes().to_vec();
            rows.insert((RowKind::Journal, version), row.bytes.clone());
        }
        for row in &write.keys {
            // STORE-6: the later one of a key replaces the earlier one.
            rows.insert((RowKind::Key, row.key.0.to_vec()), row.bytes.clone());
            let offset = row.offset.to_be_bytes().to_vec();
            rows.insert((RowKind::Offset, offset), row.bytes.clone());
        }
        if rows.is_empty() {
            return Err("a write without a journal row cannot be kept (STORE-1)".to_owned());
        }
        Ok(Self {
            card: write.card,
            stamp,
            state,
            rows,
        })
    }

    /// Whose it is.
    #[must_use]
    pub const fn card(&self) -> CardId {
        self.card
    }

    /// The timestamp of every cell of it.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> &Bytes {
        &self.state
    }

    /// The rows: kind and key, then data.
    pub fn rows(&self) -> impl Iterator<Item = (RowKind, &[u8], &Bytes)> {
        let rows = self.rows.iter();
        rows.map(|((kind, key), data)| (*kind, &**key, data))
    }

    /// One statement a row; the first one carries the state.
    pub(crate) fn batch(&self, insert_row: &PreparedStatement) -> Batch {
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_timestamp(Some(self.stamp.as_micros()));
        for _ in &self.rows {
            batch.append_statement(insert_row.clone());
        }
        batch
    }

    /// The values of [`Mutation::batch`].
    pub(crate) fn values(&self) -> impl BatchValues + '_ {
        let mut state = MaybeUnset::Set(&*self.state);
        let rows = self.rows.iter().map(|((kind, key), data)| {
            let state = std::mem::take(&mut state);
            (
                &self.card.as_bytes()[..],
                kind.number(),
                &**key,
                &**data,
                state,
            )
        });
        rows.collect::<Vec<_>>()
    }
}
