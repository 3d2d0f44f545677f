//! The keyspace `cuts`: what was booked before each cut, for ever (LEDGER-2).

use bytes::Bytes;

use super::{Lsm, read_error, write_error};
use card::PartitionId;
use card_store::{CutTotals, StoreError, WriteError};

impl Lsm {
    /// Keeps cuts. A crash may undo it until a later batch is synced, which is that of the offsets
    /// behind these cuts.
    pub(crate) fn keep_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        let mut items = self.db.batch().durability(None);
        for cut in cuts {
            let mut value = cut.offset.to_be_bytes().to_vec();
            value.extend_from_slice(&cut.totals);
            items.insert(&self.cuts, cut_name(cut.partition, cut.number), value);
        }
        items.commit().map_err(|error| write_error(&error))
    }

    /// The cuts of a partition from a number on, at most `max`.
    pub(crate) fn cut_totals(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> Result<Vec<CutTotals>, StoreError> {
        let range = cut_name(partition, from)..=cut_name(partition, u64::MAX);
        let cut = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner().map_err(|error| read_error(&error))?;
            decode_cut(partition, &key, &value)
                .ok_or_else(|| StoreError::Damaged("keyspace cuts has a short row".into()))
        };
        self.cuts
            .range::<[u8; 10], _>(range)
            .take(max)
            .map(cut)
            .collect()
    }
}

fn cut_name(partition: PartitionId, number: u64) -> [u8; 10] {
    let mut name = [0; 10];
    name[..2].copy_from_slice(&partition.0.to_be_bytes());
    name[2..].copy_from_slice(&number.to_be_bytes());
    name
}

fn decode_cut(partition: PartitionId, key: &[u8], value: &[u8]) -> Option<CutTotals> {
    let (offset, totals) = value.split_first_chunk()?;
    Some(CutTotals {
        partition,
        number: u64::from_be_bytes(*key.last_chunk()?),
        offset: u64::from_be_bytes(*offset),
        totals: Bytes::copy_from_slice(totals),
    })
}
