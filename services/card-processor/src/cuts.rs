//! The control totals at each cut, kept for ever: the float of every past day (LEDGER-2).

use bytes::Bytes;

use crate::context::PartitionContext;
use crate::totals::{ControlTotals, Fields};
use card::{Day, PartitionId, Timestamp};
use card_store::CutTotals;

const FORMAT: u8 = 1;

/// A cut of a partition, and what was booked before it. A function of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedCut {
    /// The number of the cut.
    pub number: u64,
    /// The record that is the cut's mark.
    pub offset: u64,
    /// The day that it opened.
    pub day: Day,
    /// When its mark was appended, by the log's clock.
    pub cut_at: Timestamp,
    /// What was booked before it.
    pub totals: ControlTotals,
}

impl PassedCut {
    /// The cut that a mark was, if it was one, still without totals.
    pub(crate) fn between(
        (before, after): (&PartitionContext, &PartitionContext),
        offset: u64,
        cut_at: Timestamp,
    ) -> Option<Self> {
        (after.cut_number > before.cut_number).then(|| Self {
            number: after.cut_number,
            offset,
            day: after.day,
            cut_at,
            totals: ControlTotals::default(),
        })
    }

    /// As a store keeps it.
    #[must_use]
    pub fn to_kept(&self, partition: PartitionId) -> CutTotals {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.day.0.to_le_bytes());
        bytes.extend_from_slice(&self.cut_at.0.to_le_bytes());
        self.totals.put(&mut bytes);
        CutTotals {
            partition,
            number: self.number,
            offset: self.offset,
            totals: Bytes::from(bytes),
        }
    }

    /// Reads what a store kept.
    ///
    /// # Errors
    /// When its bytes are of another format.
    pub fn read(kept: &CutTotals) -> Result<Self, String> {
        let what = |error: String| {
            let (number, partition) = (kept.number, kept.partition);
            format!("cut {number} of partition {partition}: {error}")
        };
        let read = || {
            let mut fields = Fields::of_format(&kept.totals, FORMAT)?;
            Ok(Self {
                number: kept.number,
                offset: kept.offset,
                day: Day(u16::from_le_bytes(fields.array()?)),
                cut_at: Timestamp(i64::from_le_bytes(fields.array()?)),
                totals: ControlTotals::take(fields)?,
            })
        };
        read().map_err(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::ProgrammeId;
    use ledger::{Account, Entry, Posting};
    use money::Amount;

    fn cut() -> PassedCut {
        let amount = Amount::from_minor(100).unwrap();
        let entry = Entry::new([
            Posting::debit(Account::RegisteredCards, amount),
            Posting::credit(Account::MerchantPayable, amount),
        ]);
        let mut totals = ControlTotals::default();
        totals.post(ProgrammeId(7), &entry.unwrap());
        PassedCut {
            number: 20_001,
            offset: 9,
            day: Day(20_001),
            cut_at: Timestamp(1_728_054_000_123),
            totals,
        }
    }

    /// Kept for ever: an old cut must be read by every later build.
    #[test]
    fn bytes_are_pinned() {
        let kept = cut().to_kept(PartitionId(3));
        let hex: String = kept.totals.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, GOLDEN);
        assert_eq!(PassedCut::read(&kept), Ok(cut()));
    }

    const GOLDEN: &str = "01214efb790b58920100000700d1076400000000000000000000000000000007003508\
                          9cffffffffffffffffffffffffffffff";

    #[test]
    fn other_bytes_are_refused() {
        let kept = cut().to_kept(PartitionId(3));
        for size in [0, 1, 5, kept.totals.len() - 1] {
            let short = CutTotals {
                totals: kept.totals.slice(..size),
                ..kept.clone()
            };
            let error = PassedCut::read(&short).unwrap_err();
            assert!(error.starts_with("cut 20001 of partition 3: "), "{error}");
        }
    }
}
