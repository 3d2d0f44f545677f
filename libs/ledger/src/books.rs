//! What entries add up to: a balance per account, and whether client money is covered.

use std::collections::BTreeMap;

use crate::account::{Account, AccountKind};
use crate::entry::{Entry, Side};

/// Why entries cannot be added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BooksError {
    /// A balance left the range of the type: the books are damaged.
    #[error("balance of account {0} is out of range")]
    Overflow(u16),
}

/// Balances per control account, debit positive, in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Books {
    balances: BTreeMap<Account, i128>,
}

impl Books {
    /// Adds an entry.
    ///
    /// # Errors
    /// [`BooksError::Overflow`] when a balance leaves its range: the books are damaged.
    pub fn post(&mut self, entry: &Entry) -> Result<(), BooksError> {
        for posting in entry.postings() {
            let minor = i128::from(posting.amount.minor());
            let signed = match posting.side {
                Side::Debit => Some(minor),
                Side::Credit => minor.checked_neg(),
            };
            let balance = self.balances.entry(posting.account).or_default();
            *balance = signed
                .and_then(|signed| balance.checked_add(signed))
                .ok_or(BooksError::Overflow(posting.account.number()))?;
        }
        Ok(())
    }

    /// Adds other books.
    ///
    /// # Errors
    /// [`BooksError::Overflow`] when a balance leaves its range.
    pub fn add(&mut self, other: &Self) -> Result<(), BooksError> {
        for (account, minor) in &other.balances {
            let balance = self.balances.entry(*account).or_default();
            *balance = balance
                .checked_add(*minor)
                .ok_or(BooksError::Overflow(account.number()))?;
        }
        Ok(())
    }

    /// Sets a balance as it was kept, debit positive.
    pub fn set(&mut self, account: Account, minor: i128) {
        self.balances.insert(account, minor);
    }

    /// The balance of an account, debit positive.
    #[must_use]
    pub fn balance(&self, account: Account) -> i128 {
        self.balances.get(&account).copied().unwrap_or_default()
    }

    /// All balances that are not zero, by account number.
    pub fn balances(&self) -> impl Iterator<Item = (Account, i128)> {
        self.balances
            .iter()
            .filter(|(_, minor)| **minor != 0)
            .map(|(a, minor)| (*a, *minor))
    }

    /// What is owed to card holders: accounts 2001, 2002, 2003, 2203 and 2206.
    #[must_use]
    pub fn float(&self) -> i128 {
        self.sum_where(Account::is_float).saturating_neg()
    }

    /// Client assets and suspense less client liabilities. Below zero means that client money is
    /// not covered (LEDGER-3); above it is earned income that still lies in the reserve.
    #[must_use]
    pub fn coverage_surplus(&self) -> i128 {
        self.sum_where(|account| match account.kind() {
            AccountKind::ClientAsset | AccountKind::Suspense | AccountKind::ClientLiability => true,
            AccountKind::OwnAsset
            | AccountKind::OtherLiability
            | AccountKind::Income
            | AccountKind::Expense => false,
        })
    }

    /// The sum over all accounts: zero when every entry balanced.
    #[must_use]
    pub fn trial_balance(&self) -> i128 {
        self.sum_where(|_| true)
    }

    fn sum_where(&self, wanted: impl Fn(Account) -> bool) -> i128 {
        self.balances
            .iter()
            .filter(|(account, _)| wanted(**account))
            .fold(0, |sum: i128, (_, minor)| sum.saturating_add(*minor))
    }
}
