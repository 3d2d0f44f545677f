//! The postings of each kind of decision. All of them balance or are not made (LEDGER-1).

use crate::command::{Counterparty, CreditSource, FeeTerms};
use crate::entry::Entry;
use crate::outcome::DeclineReason;
use crate::rules::Turn;
use ledger::{Account, Entry as LedgerEntry, Posting};
use money::Amount;

/// The merchant's fee on an amount: rate, rounded half up, plus a fixed part, within its bounds,
/// never more than the amount.
fn merchant_fee(amount: Amount, terms: &FeeTerms) -> Amount {
    let minor = |value: u32| Amount::from_minor(u64::from(value)).unwrap_or_default();
    let share = amount
        .scaled_half_up(u64::from(terms.rate_ppm), 1_000_000)
        .and_then(|rate| rate.checked_add(minor(terms.fixed_minor)))
        .unwrap_or(amount);
    let capped = match terms.max_minor {
        0 => share,
        max => share.min(minor(max)),
    };
    capped.max(minor(terms.min_minor)).min(amount)
}

/// What the one who gets the money pays for it: a network settles by its own file.
pub(crate) fn fee(turn: &Turn<'_>, amount: Amount, counterparty: Counterparty) -> Amount {
    match counterparty {
        Counterparty::Merchant => merchant_fee(amount, &turn.command.facts.fee),
        Counterparty::Network => Amount::ZERO,
    }
}

/// How the money of a capture is split.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Split {
    pub(crate) amount: Amount,
    pub(crate) fee: Amount,
    pub(crate) short: Amount,
    pub(crate) counterparty: Counterparty,
}

impl Split {
    /// The split of a sale that is asked now and that the card covers.
    pub(crate) fn due(turn: &Turn<'_>, amount: Amount) -> Self {
        let counterparty = turn.command.facts.counterparty;
        Self {
            amount,
            fee: fee(turn, amount, counterparty),
            short: Amount::ZERO,
            counterparty,
        }
    }

    /// The split that a capture was booked with.
    pub(crate) const fn of(entry: &Entry) -> Self {
        Self {
            amount: entry.settled,
            fee: entry.fee,
            short: entry.short,
            counterparty: entry.counterparty,
        }
    }

    /// What the card pays.
    pub(crate) const fn covered(self) -> Amount {
        self.amount.saturating_sub(self.short)
    }
}

/// A purchase or completion: the card and, for what it cannot cover, suspense pay the merchant
/// and the fee.
pub(crate) fn capture(turn: &Turn<'_>, split: Split) -> LedgerEntry {
    balanced([
        Posting::debit(turn.card.account(), split.covered()),
        Posting::debit(Account::SuspenseShort, split.short),
        Posting::credit(
            payable(split.counterparty),
            split.amount.saturating_sub(split.fee),
        ),
        Posting::credit(Account::MerchantFees, split.fee),
    ])
}

/// To whom we owe a sale.
const fn payable(counterparty: Counterparty) -> Account {
    match counterparty {
        Counterparty::Merchant => Account::MerchantPayable,
        Counterparty::Network => Account::NetworkPosition,
    }
}

/// What a sale's new split books over its old one; nothing if they are the same.
pub(crate) fn difference(turn: &Turn<'_>, before: Split, after: Split) -> Option<LedgerEntry> {
    let debit = |account, old: Amount, new: Amount| match new > old {
        true => Posting::debit(account, new.saturating_sub(old)),
        false => Posting::credit(account, old.saturating_sub(new)),
    };
    let credit = |account, old: Amount, new: Amount| debit(account, new, old);
    let net = |split: Split| split.amount.saturating_sub(split.fee);
    let postings = [
        debit(turn.card.account(), before.covered(), after.covered()),
        debit(Account::SuspenseShort, before.short, after.short),
        credit(payable(after.counterparty), net(before), net(after)),
        credit(Account::MerchantFees, before.fee, after.fee),
    ];
    let moves = postings.iter().any(|posting| !posting.amount.is_zero());
    moves.then(|| balanced(postings))
}

/// A refund: the merchant gives back the net and we our share of the fee. What suspense paid for
/// the card is made whole first.
pub(crate) fn refund(turn: &Turn<'_>, split: Split) -> LedgerEntry {
    capture(turn, split).mirror()
}

/// Who holds the money of a top-up until it reaches the reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A bank or network.
    Bank,
    /// The sales point that took cash.
    SalesPoint,
}

impl Holder {
    /// Nobody for a credit card: prepaid cards are neither bought nor topped up on credit.
    pub(crate) const fn of(source: CreditSource) -> Result<Self, DeclineReason> {
        match source {
            CreditSource::Transfer => Ok(Self::Bank),
            CreditSource::Cash => Ok(Self::SalesPoint),
            CreditSource::CreditCard => Err(DeclineReason::CreditCardSource),
        }
    }
}

/// A paid top-up or sale.
pub(crate) fn credit(account: Account, amount: Amount, holder: Holder) -> LedgerEntry {
    let holder = match holder {
        Holder::Bank => Account::LoadsInTransit,
        Holder::SalesPoint => Account::CashInTransit,
    };
    balanced([
        Posting::debit(holder, amount),
        Posting::credit(account, amount),
    ])
}

fn balanced(postings: impl IntoIterator<Item = Posting>) -> LedgerEntry {
    LedgerEntry::new(postings).expect("LEDGER-1: built to balance, from a positive amount")
}
