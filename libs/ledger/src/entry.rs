//! Postings and the balanced entries that they form.

use smallvec::SmallVec;

use crate::account::Account;
use money::{Amount, MoneyError};

/// Debit or credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Left.
    Debit,
    /// Right.
    Credit,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }
}

/// One line of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// The side.
    pub side: Side,
    /// More than nothing.
    pub amount: Amount,
}

impl Posting {
    /// A debit line.
    #[must_use]
    pub const fn debit(account: Account, amount: Amount) -> Self {
        Self {
            account,
            side: Side::Debit,
            amount,
        }
    }

    /// A credit line.
    #[must_use]
    pub const fn credit(account: Account, amount: Amount) -> Self {
        Self {
            account,
            side: Side::Credit,
            amount,
        }
    }
}

/// Why postings do not form an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The sides differ.
    #[error("debits of {debit} do not equal credits of {credit}")]
    Unbalanced {
        /// Sum of the debits.
        debit: Amount,
        /// Sum of the credits.
        credit: Amount,
    },
    /// No line carries money.
    #[error("entry has no postings")]
    Empty,
    /// A sum is out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// A balanced set of postings in one currency (LEDGER-1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    postings: SmallVec<[Posting; 4]>,
}

impl Entry {
    /// Makes an entry; lines of nothing are left out.
    ///
    /// # Errors
    /// [`EntryError`] when the sides differ, overflow, or no line is left.
    pub fn new(postings: impl IntoIterator<Item = Posting>) -> Result<Self, EntryError> {
        let postings: SmallVec<[Posting; 4]> = postings
            .into_iter()
            .filter(|posting| !posting.amount.is_zero())
            .collect();
        if postings.is_empty() {
            return Err(EntryError::Empty);
        }
        let debit = sum(&postings, Side::Debit)?;
        let credit = sum(&postings, Side::Credit)?;
        if debit != credit {
            return Err(EntryError::Unbalanced { debit, credit });
        }
        Ok(Self { postings })
    }

    /// The lines, in the order they were given.
    #[must_use]
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// The entry that undoes this one to the fen.
    #[must_use]
    pub fn mirror(&self) -> Self {
        let flip = |posting: &Posting| Posting {
            side: posting.side.opposite(),
            ..*posting
        };
        Self {
            postings: self.postings.iter().map(flip).collect(),
        }
    }
}

fn sum(postings: &[Posting], side: Side) -> Result<Amount, MoneyError> {
    postings
        .iter()
        .filter(|posting| posting.side == side)
        .try_fold(Amount::ZERO, |sum, posting| sum.checked_add(posting.amount))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fen(minor: u64) -> Amount {
        Amount::from_minor(minor).unwrap()
    }

    #[test]
    fn refuses_what_does_not_balance() {
        let lines = [
            Posting::debit(Account::RegisteredCards, fen(12_345)),
            Posting::credit(Account::MerchantPayable, fen(12_271)),
        ];
        let error = Entry::new(lines).unwrap_err();
        assert_eq!(
            error.to_string(),
            "debits of 123.45 do not equal credits of 122.71"
        );
        assert_eq!(Entry::new([]), Err(EntryError::Empty));
    }

    proptest! {
        #[test]
        fn a_mirror_balances_and_undoes(net in 1u64..1_000_000, fee in 0u64..1_000_000) {
            let entry = Entry::new([
                Posting::debit(Account::RegisteredCards, fen(net.saturating_add(fee))),
                Posting::credit(Account::MerchantPayable, fen(net)),
                Posting::credit(Account::MerchantFees, fen(fee)),
            ]).unwrap();
            prop_assert!(Entry::new(entry.mirror().postings().iter().copied()).is_ok());
            prop_assert_eq!(entry.mirror().mirror(), entry);
        }
    }
}
