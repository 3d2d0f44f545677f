//! What holds at a place in a partition besides its cards: rules, open day, frozen-through day,
//! and the control totals of all that was booked before it.
//!
//! Each is a function of the log. It is kept with the checkpoint and restored from there (LOG-5).

use std::sync::Arc;

use bytes::Bytes;

use crate::bundles::Bundles;
use crate::error::StopReason;
use crate::totals::{ControlTotals, Fields};
use card::{CardId, Day, Position, ProgrammeId, Row, Rules};
use card_store::{BatchItem, PartitionCheckpoint};
use command_log::envelope::Mark;
use ledger::Entry;
use mutants::{Mutant, broken};

/// The context in force at a place of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionContext {
    /// The bundle's name.
    pub rules_hash: [u8; 32],
    /// The products in force; none before the first barrier.
    pub rules: Option<Arc<Rules>>,
    /// The logic that folds.
    pub logic_version: u32,
    /// The number of the last cut.
    pub cut_number: u64,
    /// The day that new work is dated with.
    pub day: Day,
    /// The number of the last freeze.
    pub freeze_number: u64,
    /// Days up to this one take no more bookings.
    pub frozen_through: Day,
}

impl PartitionContext {
    /// Before the first mark.
    pub(crate) const EMPTY: Self = Self {
        rules_hash: [0; 32],
        rules: None,
        logic_version: 0,
        cut_number: 0,
        day: Day(0),
        freeze_number: 0,
        frozen_through: Day(0),
    };

    /// The context after a mark. A lower or equal cut or freeze is a no-op (LOG-5), and so is the
    /// freeze of a day that is still open.
    pub(crate) fn after(
        &self,
        mark: Mark,
        position: Position,
        bundles: &dyn Bundles,
    ) -> Result<Self, StopReason> {
        match mark {
            Mark::Barrier {
                rules_hash,
                logic_version,
            } => {
                if logic_version > command_log::envelope::LOGIC_VERSION {
                    let reason = format!("logic version {logic_version} is not in this build");
                    return Err(StopReason::Unreadable { position, reason });
                }
                let rules = bundles
                    .find(&rules_hash)
                    .map_err(|error| StopReason::UnknownRules(error.to_string()))?;
                Ok(Self {
                    rules_hash,
                    rules: Some(rules),
                    logic_version,
                    ..self.clone()
                })
            }
            Mark::Cut { number, day } if number > self.cut_number => Ok(Self {
                cut_number: number,
                day,
                frozen_through: match broken(Mutant::OneMarkOnly) {
                    true => Day(0),
                    false => self.frozen_through,
                },
                ..self.clone()
            }),
            // A day that takes work cannot be frozen: there would be no day to book on.
            Mark::Freeze { number, day } if number > self.freeze_number && day < self.day => {
                Ok(Self {
                    freeze_number: number,
                    frozen_through: day,
                    ..self.clone()
                })
            }
            Mark::Cut { .. } | Mark::Freeze { .. } | Mark::Tick => Ok(self.clone()),
        }
    }
}

/// A context with totals, as checkpoints keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) context: PartitionContext,
    pub(crate) totals: ControlTotals,
}

/// What a checkpoint keeps beside its offset.
///
/// # Errors
/// When its bytes are of another format, or its rules are not among the bundles.
pub fn read_checkpoint(
    checkpoint: &PartitionCheckpoint,
    bundles: &dyn Bundles,
) -> Result<(PartitionContext, ControlTotals), String> {
    let Kept { context, totals } = Kept::decode(&checkpoint.context, bundles)?;
    Ok((context, totals))
}

/// What the marks have done to a partition's days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayMarks {
    /// The number of the last cut, 0 before the first.
    pub cut_number: u64,
    /// The day that new work is dated with.
    pub day: Day,
    /// The number of the last freeze, 0 before the first.
    pub freeze_number: u64,
    /// Days up to this one take no more bookings.
    pub frozen_through: Day,
}

impl DayMarks {
    /// The days of a context.
    pub(crate) const fn of(context: &PartitionContext) -> Self {
        Self {
            cut_number: context.cut_number,
            day: context.day,
            freeze_number: context.freeze_number,
            frozen_through: context.frozen_through,
        }
    }

    /// The days that a checkpoint keeps.
    ///
    /// # Errors
    /// When its bytes are of another format.
    pub fn read(checkpoint: &PartitionCheckpoint) -> Result<Self, String> {
        let mut reader = Fields::of_format(&checkpoint.context, FORMAT)?;
        reader.array::<32>()?; // Rules: nobody has to have them to tell a day.
        reader.array::<1>()?;
        reader.array::<4>()?;
        Self::take(&mut reader)
    }

    fn take(reader: &mut Fields<'_>) -> Result<Self, String> {
        Ok(Self {
            cut_number: u64::from_le_bytes(reader.array()?),
            day: Day(u16::from_le_bytes(reader.array()?)),
            freeze_number: u64::from_le_bytes(reader.array()?),
            frozen_through: Day(u16::from_le_bytes(reader.array()?)),
        })
    }
}

const FORMAT: u8 = 1;

impl Kept {
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = vec![FORMAT];
        let context = &self.context;
        bytes.extend_from_slice(&context.rules_hash);
        bytes.push(u8::from(context.rules.is_some()));
        bytes.extend_from_slice(&context.logic_version.to_le_bytes());
        bytes.extend_from_slice(&context.cut_number.to_le_bytes());
        bytes.extend_from_slice(&context.day.0.to_le_bytes());
        bytes.extend_from_slice(&context.freeze_number.to_le_bytes());
        bytes.extend_from_slice(&context.frozen_through.0.to_le_bytes());
        self.totals.put(&mut bytes);
        Bytes::from(bytes)
    }

    pub(crate) fn decode(bytes: &[u8], bundles: &dyn Bundles) -> Result<Self, String> {
        let mut reader = Fields::of_format(bytes, FORMAT)?;
        let rules_hash = reader.array()?;
        let has_rules = reader.array::<1>()? != [0];
        let rules = match has_rules {
            true => Some(
                bundles
                    .find(&rules_hash)
                    .map_err(|error| error.to_string())?,
            ),
            false => None,
        };
        let logic_version = u32::from_le_bytes(reader.array()?);
        let days = DayMarks::take(&mut reader)?;
        let context = PartitionContext {
            rules_hash,
            rules,
            logic_version,
            cut_number: days.cut_number,
            day: days.day,
            freeze_number: days.freeze_number,
            frozen_through: days.frozen_through,
        };
        let totals = ControlTotals::take(reader)?;
        Ok(Self { context, totals })
    }
}

/// What one decision adds to the totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Booked {
    pub(crate) programme: ProgrammeId,
    pub(crate) entry: Entry,
    /// Of a terminal's batch.
    pub(crate) item: Option<BatchItem>,
}

impl Booked {
    /// What a row booked, if it did.
    pub(crate) fn of(card: CardId, row: &Row) -> Option<Self> {
        Some(Self {
            programme: row.programme,
            entry: row.ledger.clone()?,
            item: BatchItem::of(card, row),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use card::PartitionId;
    use ledger::{Account, Posting};
    use money::Amount;

    use super::*;
    use crate::bundles::BundleFolder;

    #[test]
    fn context_and_totals_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let bundles = BundleFolder::open(folder.path()).unwrap();
        let rules = Rules {
            utc_offset_minutes: 480,
            programmes: BTreeMap::new(),
        };
        let rules_hash = bundles.keep(&rules).unwrap();
        let position = Position {
            partition: PartitionId(1),
            offset: 0,
        };
        let barrier = Mark::Barrier {
            rules_hash,
            logic_version: 1,
        };
        let context = PartitionContext::EMPTY
            .after(barrier, position, &bundles)
            .unwrap();
        let cut = Mark::Cut {
            number: 2,
            day: Day(9),
        };
        let context = context.after(cut, position, &bundles).unwrap();
        let late = Mark::Cut {
            number: 2,
            day: Day(8),
        };
        let mut context = context.after(late, position, &bundles).unwrap();
        assert_eq!(context.day, Day(9), "a cut with an equal number is a no-op");
        let freeze = |number, day| Mark::Freeze {
            number,
            day: Day(day),
        };
        for (mark, frozen_through, what) in [
            (freeze(9, 9), 0, "the open day cannot be frozen"),
            (freeze(8, 8), 8, "the day before can"),
            (freeze(8, 7), 8, "a freeze with an equal number is a no-op"),
        ] {
            context = context.after(mark, position, &bundles).unwrap();
            assert_eq!(context.frozen_through, Day(frozen_through), "{what}");
        }
        let amount = Amount::from_minor(100).unwrap();
        let entry = Entry::new([
            Posting::debit(Account::RegisteredCards, amount),
            Posting::credit(Account::MerchantPayable, amount),
        ]);
        let mut totals = ControlTotals::default();
        totals.post(ProgrammeId(7), &entry.unwrap());
        let kept = Kept { context, totals };
        let checkpoint = PartitionCheckpoint {
            partition: PartitionId(1),
            next_offset: 0,
            context: kept.encode(),
        };
        let days = DayMarks::of(&kept.context);
        assert_eq!(DayMarks::read(&checkpoint), Ok(days));
        let foreign = PartitionCheckpoint {
            context: Bytes::from_static(b"?"),
            ..checkpoint
        };
        assert!(DayMarks::read(&foreign).is_err());
        assert_eq!(Kept::decode(&kept.encode(), &bundles), Ok(kept));
    }
}
