//! Adjustment of a settled sale: its total was wrong, or the holder added a tip.
//!
//! The merchant has acted already, so it is always answered and recorded (CARD-5): what matches
//! posts the difference, what the balance cannot cover goes to suspense, the rest is a case.

use crate::command::{Adjusted, OriginalRef};
use crate::decision::{Adjustment, Change};
use crate::entry::{Entry, Kind, Step};
use crate::outcome::DeclineReason;
use crate::row::Case;
use crate::rules::booking::{self, Split};
use crate::rules::original::{self, Terminal};
use crate::rules::{Effect, Refusal, Turn, Verdict, completion};
use money::Amount;

const SETTLED: [Kind; 4] = [
    Kind::Purchase,
    Kind::Completion,
    Kind::CompletionAdvice,
    Kind::OfflineSale,
];

pub(crate) fn decide(
    turn: &Turn<'_>,
    amount: Amount,
    original: &OriginalRef,
    what: Adjusted,
) -> Verdict {
    let sale = original::matching_any(turn, original, Terminal::OfMerchant, &SETTLED)
        .map_err(|reason| Refusal::from(reason).with_case(Case::UnmatchedAdvice))?;
    let is_whole =
        matches!(sale.step, Step::Open | Step::Adjusted) && sale.remainder == sale.settled;
    let too_old = turn.now.ms_since(sale.at()) > turn.programme.refund_window_ms;
    if !is_whole || too_old {
        return Err(refusal(
            DeclineReason::OriginalOutOfOrder,
            Case::LateAdjustment,
        ));
    }
    if amount.is_zero() {
        return Err(DeclineReason::InvalidAmount.into());
    }
    if amount > total_max(turn, &sale, what) {
        return Err(refusal(DeclineReason::OverLimit, Case::ExcessAdjustment));
    }
    if what == Adjusted::Tip && amount < sale.amount {
        return Err(refusal(
            DeclineReason::AmountMismatch,
            Case::ExcessAdjustment,
        ));
    }
    Ok(settle(turn, &sale, amount))
}

fn refusal(reason: DeclineReason, case: Case) -> Refusal {
    Refusal::from(reason).with_case(case)
}

/// CARD-4: the total of a sale stays within what its hold, or the purchase itself, allows. A tip
/// is a right of its own, over the amount without any adjustment.
fn total_max(turn: &Turn<'_>, sale: &Entry, what: Adjusted) -> Amount {
    let percent = |amount: Amount, ratio: u16| completion::share(amount, ratio);
    match what {
        Adjusted::Tip => percent(
            sale.amount,
            turn.programme.tip_ratio_percent.saturating_add(100),
        ),
        Adjusted::Sale => {
            let hold = turn
                .by_version(sale.link)
                .filter(|entry| entry.kind == Kind::PreAuth);
            let base = hold.map_or(sale.amount, |hold| hold.amount);
            percent(base, turn.programme.completion_ratio_percent)
        }
    }
}

/// Books the difference between what was settled and what is.
fn settle(turn: &Turn<'_>, sale: &Entry, amount: Amount) -> Effect {
    let before = Split::of(sale);
    let more = amount.saturating_sub(before.amount);
    let less = before.amount.saturating_sub(amount);
    let newly_short = more.saturating_sub(turn.available());
    // What suspense paid is made whole first.
    let short = before.short.saturating_sub(less);
    let after = Split {
        amount,
        fee: booking::fee(turn, amount, sale.counterparty),
        short: short.checked_add(newly_short).unwrap_or(short),
        counterparty: sale.counterparty,
    };
    let mut effect = Effect {
        link: sale.version,
        short: newly_short,
        case: (!newly_short.is_zero()).then_some(Case::ShortAdvice),
        ..Effect::default()
    };
    let debit = after.covered().saturating_sub(before.covered());
    let credit = before.covered().saturating_sub(after.covered());
    if !debit.is_zero() {
        effect.changes.push(Change::Debit(debit));
    }
    if !credit.is_zero() {
        effect.changes.push(Change::Credit(credit));
    }
    original::bring_back(turn, sale, &mut effect);
    let adjustment = Adjustment {
        settled: amount,
        fee: after.fee,
        short: after.short,
    };
    effect
        .changes
        .push(Change::Adjust(sale.version, adjustment));
    effect.ledger = booking::difference(turn, before, after);
    effect
}
