//! What holds at a place in a partition besides its cards: rules, open day, frozen-through day,
//! and the control totals of all that was booked before it.
//!
//! Each is a function of the log. It is kept with the checkpoint and restored from there (LOG-5).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::bundles::Bundles;
use crate::error::StopReason;
use card::{Day, Position, ProgrammeId, Rules};
use card_store::PartitionCheckpoint;
use command_log::envelope::Mark;
use ledger::{Account, Books, Entry};

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

    /// The context after a mark. A lower or equal cut or freeze is a no-op (LOG-5).
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
                ..self.clone()
            }),
            Mark::Freeze { number, day } if number > self.freeze_number => Ok(Self {
                freeze_number: number,
                frozen_through: day,
                ..self.clone()
            }),
            Mark::Cut { .. } | Mark::Freeze { .. } | Mark::Tick => Ok(self.clone()),
        }
    }
}

/// What was booked, per programme: the control totals of LEDGER-2, folded in log order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ControlTotals {
    books: BTreeMap<ProgrammeId, Books>,
}

impl ControlTotals {
    /// Adds an entry of a programme.
    ///
    /// # Panics
    /// When a total leaves 128 bits: no such money exists.
    pub fn post(&mut self, programme: ProgrammeId, entry: &Entry) {
        let books = self.books.entry(programme).or_default();
        books.post(entry).expect("totals fit 128 bits");
    }

    /// Adds other totals.
    ///
    /// # Panics
    /// As [`ControlTotals::post`].
    pub fn add(&mut self, other: &Self) {
        for (programme, books) in &other.books {
            let total = self.books.entry(*programme).or_default();
            total.add(books).expect("totals fit 128 bits");
        }
    }

    /// The books of each programme that has any.
    pub fn programmes(&self) -> impl Iterator<Item = (ProgrammeId, &Books)> {
        self.books
            .iter()
            .map(|(programme, books)| (*programme, books))
    }

    /// All programmes together.
    #[must_use]
    pub fn all(&self) -> Books {
        let mut all = Books::default();
        for books in self.books.values() {
            all.add(books).expect("totals fit 128 bits");
        }
        all
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
        for (programme, books) in &self.totals.books {
            for (account, minor) in books.balances() {
                bytes.extend_from_slice(&programme.0.to_le_bytes());
                bytes.extend_from_slice(&account.number().to_le_bytes());
                bytes.extend_from_slice(&minor.to_le_bytes());
            }
        }
        Bytes::from(bytes)
    }

    pub(crate) fn decode(bytes: &[u8], bundles: &dyn Bundles) -> Result<Self, String> {
        let mut reader = Fields(bytes);
        if reader.array::<1>()? != [FORMAT] {
            return Err("context has an unknown format: this build is too old".to_owned());
        }
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
        let context = PartitionContext {
            rules_hash,
            rules,
            logic_version: u32::from_le_bytes(reader.array()?),
            cut_number: u64::from_le_bytes(reader.array()?),
            day: Day(u16::from_le_bytes(reader.array()?)),
            freeze_number: u64::from_le_bytes(reader.array()?),
            frozen_through: Day(u16::from_le_bytes(reader.array()?)),
        };
        let mut totals = ControlTotals::default();
        while !reader.0.is_empty() {
            reader.total(&mut totals)?;
        }
        Ok(Self { context, totals })
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, rest) = self.0.split_first_chunk().ok_or("context is cut short")?;
        self.0 = rest;
        Ok(*head)
    }

    fn total(&mut self, totals: &mut ControlTotals) -> Result<(), String> {
        let programme = ProgrammeId(u16::from_le_bytes(self.array()?));
        let account = Account::from_number(u16::from_le_bytes(self.array()?))
            .ok_or("context names an unknown account")?;
        let minor = i128::from_le_bytes(self.array()?);
        totals
            .books
            .entry(programme)
            .or_default()
            .set(account, minor);
        Ok(())
    }
}

/// What one decision adds to the totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Booked {
    pub(crate) programme: ProgrammeId,
    pub(crate) entry: Entry,
}

#[cfg(test)]
mod tests {
    use card::PartitionId;
    use ledger::Posting;
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
        let context = context.after(late, position, &bundles).unwrap();
        assert_eq!(context.day, Day(9), "a cut with an equal number is a no-op");
        let amount = Amount::from_minor(100).unwrap();
        let entry = Entry::new([
            Posting::debit(Account::RegisteredCards, amount),
            Posting::credit(Account::MerchantPayable, amount),
        ]);
        let mut totals = ControlTotals::default();
        totals.post(ProgrammeId(7), &entry.unwrap());
        let kept = Kept { context, totals };
        assert_eq!(Kept::decode(&kept.encode(), &bundles), Ok(kept));
    }
}
