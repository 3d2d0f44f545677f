//! Stamps: the timestamps under which the switch writes (STORE-4).
//!
//! A stamp is term (6 bits), epoch (16), number (28), most significant first. As microseconds it is
//! before the year 2006, so servers that refuse times in the future take it, and a write by hand,
//! stamped with the clock, always wins: a load sees it by its WRITETIME (STORE-5).

use std::fmt;

use card::{PartitionId, Version};
use mutants::{Mutant, broken};

/// One life of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Term(u8);

/// One assignment of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u16);

/// The timestamp of a write, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(i64);

/// A partition in the hands of one owner. A later assignment has a higher term or epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// The partition.
    pub partition: PartitionId,
    /// The region's life.
    pub term: Term,
    /// The number of the assignment in it.
    pub epoch: Epoch,
}

/// A number that has no place in a stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// A term has 6 bits.
    #[error("term {0} is over {max}", max = Term::MAX.0)]
    Term(u32),
    /// A number has 28 bits.
    #[error("number {0} is over {NUMBER_MAX}")]
    Number(u32),
    /// Term and epoch are both used up.
    #[error("all terms and epochs are used up; export the cards to a new keyspace")]
    Exhausted,
}

/// The highest version of a card, and the highest number of a checkpoint.
pub(crate) const NUMBER_MAX: u32 = (1 << NUMBER_BITS) - 1;
const NUMBER_BITS: u32 = 28;
const EPOCH_BITS: u32 = 16;

impl Term {
    /// The first one of a keyspace. Below it is room for what came from elsewhere.
    pub const FIRST: Self = Self(1);
    /// The last one.
    pub const MAX: Self = Self(63);

    /// Takes a term of 6 bits.
    ///
    /// # Errors
    /// [`StampError::Term`] for a higher one.
    pub fn new(number: u8) -> Result<Self, StampError> {
        if number > Self::MAX.0 {
            return Err(StampError::Term(u32::from(number)));
        }
        Ok(Self(number))
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl Epoch {
    /// The first one of a term.
    pub const FIRST: Self = Self(1);
}

impl Stamp {
    /// The stamp of this version of a card, or of this number of a checkpoint.
    ///
    /// # Errors
    /// [`StampError::Number`] when the number has more than 28 bits.
    pub fn new(term: Term, epoch: Epoch, number: u32) -> Result<Self, StampError> {
        if number > NUMBER_MAX {
            return Err(StampError::Number(number));
        }
        let epoch = match broken(Mutant::StampWithoutEpoch) {
            true => Epoch(0),
            false => epoch,
        };
        let high = i64::from(term.0) << EPOCH_BITS | i64::from(epoch.0);
        Ok(Self(high << NUMBER_BITS | i64::from(number)))
    }

    /// As CQL takes it: `USING TIMESTAMP`, `WRITETIME`.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

impl Assignment {
    /// What decides between two owners of the partition.
    #[must_use]
    pub const fn rank(&self) -> (Term, Epoch) {
        (self.term, self.epoch)
    }

    /// The stamp of a version of a card of the partition.
    ///
    /// # Errors
    /// As [`Stamp::new`].
    pub fn stamp(&self, version: Version) -> Result<Stamp, StampError> {
        Stamp::new(self.term, self.epoch, version.0)
    }
}

/// What comes after this term and epoch.
pub(crate) fn next_epoch(term: Term, epoch: Epoch) -> Result<(Term, Epoch), StampError> {
    match epoch.0.checked_add(1) {
        Some(next) => Ok((term, Epoch(next))),
        None if term < Term::MAX => Ok((Term(term.0 + 1), Epoch::FIRST)),
        None => Err(StampError::Exhausted),
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "partition {} at {}.{}",
            self.partition, self.term, self.epoch
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn stamp(term: u8, epoch: u16, number: u32) -> i64 {
        let term = Term::new(term).unwrap();
        Stamp::new(term, Epoch(epoch), number).unwrap().as_micros()
    }

    #[test]
    fn stamps_are_pinned() {
        for (term, epoch, number, expected) in [
            (0, 0, 0, 0),
            (0, 0, 1, 1),
            (0, 1, 0, 1 << 28),
            (1, 0, 0, 1 << 44),
            (1, 1, 7, (1 << 44) + (1 << 28) + 7),
            (63, u16::MAX, NUMBER_MAX, (1 << 50) - 1),
        ] {
            assert_eq!(stamp(term, epoch, number), expected);
        }
    }

    #[test]
    fn later_owners_and_later_versions_win() {
        let rising = [
            (0, 0, 1),
            (0, 0, NUMBER_MAX),
            (0, 1, 1),
            (0, 1, 2),
            (0, u16::MAX, NUMBER_MAX),
            (1, 0, 0),
            (1, 1, 1),
            (63, u16::MAX, NUMBER_MAX),
        ];
        let stamps = rising.map(|(term, epoch, number)| stamp(term, epoch, number));
        assert!(stamps.is_sorted_by(|earlier, later| earlier < later));
        // Servers refuse timestamps in the future; a clock is past 2^50 since September 2005.
        assert!(stamps[7] < 1_700_000_000_000_000);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(Term::new(64), Err(StampError::Term(64)));
        let too_high = Stamp::new(Term::FIRST, Epoch(1), NUMBER_MAX + 1);
        assert_eq!(too_high, Err(StampError::Number(NUMBER_MAX + 1)));
    }

    #[test]
    fn a_full_epoch_opens_the_next_term() {
        let next = |term, epoch| next_epoch(Term::new(term).unwrap(), Epoch(epoch));
        assert_eq!(next(1, 1), Ok((Term(1), Epoch(2))));
        assert_eq!(next(1, u16::MAX), Ok((Term(2), Epoch::FIRST)));
        assert_eq!(next(63, u16::MAX), Err(StampError::Exhausted));
    }
}
