//! Refund: whole or in parts, never more than what was captured, the fee pro rata.

use crate::command::OriginalRef;
use crate::decision::Change;
use crate::entry::{Entry, Kind, Step};
use crate::outcome::DeclineReason;
use crate::rules::booking::{self, Split};
use crate::rules::original::{self, Terminal};
use crate::rules::{Effect, Turn, Verdict};
use money::Amount;
use mutants::{Mutant, broken};

const REFUNDABLE: [Kind; 4] = [
    Kind::Purchase,
    Kind::Completion,
    Kind::CompletionAdvice,
    Kind::OfflineSale,
];

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount, original: &OriginalRef) -> Verdict {
    if amount.is_zero() {
        return Err(DeclineReason::InvalidAmount.into());
    }
    let sale = original::matching(turn, original, Terminal::OfMerchant, &REFUNDABLE)?;
    let too_old = turn.now.ms_since(sale.at()) > turn.programme.refund_window_ms;
    let in_force = matches!(sale.step, Step::Open | Step::Adjusted);
    if !in_force || too_old {
        return Err(DeclineReason::OriginalOutOfOrder.into());
    }
    if is_repeat(turn, amount, &sale) {
        return Err(DeclineReason::Duplicate.into());
    }
    if amount > sale.remainder && !broken(Mutant::RefundOverRemainder) {
        return Err(DeclineReason::AmountMismatch.into()); // CARD-4
    }
    let split = split(&sale, amount);
    let mut effect = Effect {
        link: sale.version,
        ..Effect::default()
    };
    if !split.covered().is_zero() {
        effect.changes.push(Change::Credit(split.covered()));
    }
    original::bring_back(turn, &sale, &mut effect);
    let rest = sale.remainder.saturating_sub(amount);
    effect
        .changes
        .push(Change::SetRemainder(sale.version, rest));
    effect.ledger = Some(booking::refund(turn, split));
    Ok(effect)
}

/// An operator who got no answer asks again with a new trace number.
fn is_repeat(turn: &Turn<'_>, amount: Amount, sale: &Entry) -> bool {
    turn.card.ring.iter().any(|entry| {
        entry.kind == Kind::Refund
            && entry.outcome.is_approved()
            && entry.link == sale.version
            && entry.amount == amount
            && turn.now.ms_since(entry.at()) <= turn.programme.refund_repeat_ms
    })
}

/// Shares of fee and shortfall that belong to this part: the difference of what is due after it
/// and before it, so that the parts add up to the whole to the fen.
fn split(sale: &Entry, amount: Amount) -> Split {
    let before = sale.settled.saturating_sub(sale.remainder);
    let after = before.checked_add(amount).unwrap_or(sale.settled);
    let fee_until = |part: Amount| {
        sale.fee
            .scaled_half_up(part.minor(), sale.settled.minor())
            .unwrap_or(sale.fee)
    };
    let short_until = |part: Amount| part.min(sale.short);
    Split {
        amount,
        fee: fee_until(after).saturating_sub(fee_until(before)),
        short: short_until(after).saturating_sub(short_until(before)),
        counterparty: sale.counterparty,
    }
}
