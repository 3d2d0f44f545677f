//! Void of a completion: the debit is undone and the hold comes back.

use crate::card::Hold;
use crate::command::OriginalRef;
use crate::decision::Change;
use crate::entry::{Entry, Kind, Step};
use crate::outcome::DeclineReason;
use crate::rules::booking::{self, Split};
use crate::rules::original::{self, Terminal};
use crate::rules::{Effect, Turn, Verdict};
use money::Amount;

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount, original: &OriginalRef) -> Verdict {
    turn.facts_hold()?;
    let kinds = [Kind::Completion, Kind::CompletionAdvice];
    let completion = original::matching(turn, original, Terminal::Same, &kinds)?;
    if completion.step != Step::Open || completion.remainder != completion.amount {
        return Err(DeclineReason::OriginalOutOfOrder.into()); // CARD-4
    }
    if completion.day != turn.context.day {
        return Err(DeclineReason::OriginalInvalid.into());
    }
    if amount != completion.amount {
        return Err(DeclineReason::AmountMismatch.into());
    }
    if turn.is_full_of_holds() {
        return Err(DeclineReason::TooManyHolds.into());
    }
    undo(turn, &completion, Step::Voided)
}

/// Undoes a completion, for its void and for its reversal.
///
/// CARD-4: the hold comes back with the captured amount and as much of the freed difference as is
/// still covered.
pub(crate) fn undo(turn: &Turn<'_>, completion: &Entry, step: Step) -> Verdict {
    let split = Split::of(completion);
    let pre_auth = turn
        .by_version(completion.link)
        .ok_or(DeclineReason::OriginalOutOfOrder)?;
    let mut effect = Effect {
        link: completion.version,
        ..Effect::default()
    };
    if !split.covered().is_zero() {
        effect.changes.push(Change::Credit(split.covered()));
    }
    effect.changes.push(Change::PlaceHold(restored_hold(
        turn,
        &pre_auth,
        split.covered(),
    )));
    original::set_step(turn, completion, step, &mut effect);
    original::set_step(turn, &pre_auth, Step::Open, &mut effect);
    effect.ledger = Some(booking::refund(turn, split));
    Ok(effect)
}

fn restored_hold(turn: &Turn<'_>, pre_auth: &Entry, captured: Amount) -> Hold {
    let difference = pre_auth
        .amount
        .saturating_sub(captured)
        .min(turn.available());
    let amount = captured
        .checked_add(difference)
        .expect("no more than the balance");
    Hold {
        version: pre_auth.version,
        offset: pre_auth.offset,
        amount: amount.min(pre_auth.amount.max(captured)),
        placed_at: pre_auth.at(),
        expires_at: pre_auth.at().plus_ms(turn.programme.hold_lifetime_ms),
        merchant: pre_auth.merchant,
    }
}
