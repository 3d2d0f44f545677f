//! Reversal: the terminal got no usable answer, so the step with this key is undone, once.
//!
//! It may come before its original (CARD-3), more than once, or after the money went on.

use crate::command::OriginalRef;
use crate::decision::Change;
use crate::entry::{Entry, Kind, Step};
use crate::ids::{LegKey, Version};
use crate::outcome::DeclineReason;
use crate::row::Case;
use crate::rules::booking::{self, Split};
use crate::rules::{Effect, Refusal, Turn, Verdict, completion_void, credit, limits, original};
use money::Amount;
use mutants::{Mutant, broken};

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount, original: &OriginalRef) -> Verdict {
    let key = original.key.ok_or(DeclineReason::OriginalNotFound)?;
    let retention = turn.programme.key_retention_ms;
    let found = turn
        .by_key(key)
        .filter(|entry| entry.is_retained(turn.now, retention));
    let Some(found) = found else {
        return Err(reversed_first(key));
    };
    if found.kind == Kind::ReversedFirst {
        return Err(DeclineReason::OriginalNotFound.into());
    }
    if amount != found.amount {
        return Err(DeclineReason::AmountMismatch.into());
    }
    if !found.outcome.is_approved() {
        return Err(DeclineReason::OriginalInvalid.into());
    }
    if found.step == Step::Reversed {
        return Ok(Effect {
            link: found.version,
            ..Effect::default()
        }); // Said once more.
    }
    let mut effect = undo(turn, &found)?;
    effect.day = Some(turn.day_of_undo(&found));
    Ok(effect)
}

/// CARD-3: the key is taken, so that the late original is refused.
fn reversed_first(key: LegKey) -> Refusal {
    Refusal {
        tombstone: (!broken(Mutant::EarlyReversalForgotten)).then_some(key),
        ..Refusal::from(DeclineReason::OriginalNotFound)
    }
}

fn undo(turn: &Turn<'_>, found: &Entry) -> Verdict {
    match found.kind {
        Kind::Purchase => purchase(turn, found),
        Kind::Void => void(turn, found),
        Kind::PreAuth => pre_auth(turn, found),
        Kind::PreAuthVoid => pre_auth_void(turn, found),
        Kind::Completion => completion(turn, found),
        Kind::CompletionVoid => completion_void(turn, found),
        Kind::DirectCredit | Kind::ConfirmedFirst => direct_credit(turn, found),
        Kind::Refund
        | Kind::CompletionAdvice
        | Kind::Reversal
        | Kind::Issue
        | Kind::ReportLoss
        | Kind::LiftLoss
        | Kind::OfflineSale
        | Kind::Adjust
        | Kind::Tip
        | Kind::CreditConfirm
        | Kind::Replace
        | Kind::ReversedFirst
        | Kind::AccountCheck
        | Kind::BalanceInquiry => Err(DeclineReason::NotSupported.into()),
    }
}

fn purchase(turn: &Turn<'_>, found: &Entry) -> Verdict {
    if found.step != Step::Open || found.remainder != found.amount {
        return Err(DeclineReason::OriginalOutOfOrder.into()); // CARD-4: voided or refunded since.
    }
    let mut effect = Effect {
        link: found.version,
        ..Effect::default()
    };
    effect.changes.push(Change::Credit(found.amount));
    original::set_step(turn, found, Step::Reversed, &mut effect);
    limits::give_back(turn, found, &mut effect);
    effect.ledger = Some(booking::refund(turn, Split::of(found)));
    Ok(effect)
}

/// The purchase is in force again. Its money is still there while the void has not cleared.
fn void(turn: &Turn<'_>, found: &Entry) -> Verdict {
    let purchase = linked(turn, found, Step::Voided)?;
    let waiting = turn
        .card
        .uncleared
        .iter()
        .any(|credit| credit.version == found.version && credit.clears_at > turn.now);
    if !waiting && found.amount > turn.available() {
        return Err(not_covered());
    }
    let mut effect = Effect {
        link: found.version,
        ..Effect::default()
    };
    effect.changes.push(Change::RemoveUncleared(found.version));
    effect.changes.push(Change::Debit(found.amount));
    original::set_step(turn, found, Step::Reversed, &mut effect);
    original::set_step(turn, &purchase, Step::Open, &mut effect);
    limits::take_again(turn, &purchase, &mut effect);
    effect.ledger = Some(booking::capture(turn, Split::of(&purchase)));
    Ok(effect)
}

fn pre_auth(turn: &Turn<'_>, found: &Entry) -> Verdict {
    if found.step != Step::Open {
        return Err(DeclineReason::OriginalOutOfOrder.into());
    }
    let mut effect = Effect {
        link: found.version,
        ..Effect::default()
    };
    effect.changes.push(Change::RemoveHold(found.version));
    original::set_step(turn, found, Step::Reversed, &mut effect);
    limits::give_back(turn, found, &mut effect);
    Ok(effect)
}

/// The hold comes back, if the balance still covers it.
fn pre_auth_void(turn: &Turn<'_>, found: &Entry) -> Verdict {
    let pre_auth = linked(turn, found, Step::Voided)?;
    let released = found.remainder;
    let is_covered = released <= turn.available() || broken(Mutant::RestoredHoldUncovered);
    if turn.is_full_of_holds() || !is_covered {
        return Err(not_covered());
    }
    let mut effect = Effect {
        link: found.version,
        ..Effect::default()
    };
    effect.changes.push(Change::PlaceHold(crate::card::Hold {
        version: pre_auth.version,
        offset: pre_auth.offset,
        amount: released,
        placed_at: pre_auth.at(),
        expires_at: pre_auth.at().plus_ms(turn.programme.hold_lifetime_ms),
        merchant: pre_auth.merchant,
    }));
    original::set_step(turn, found, Step::Reversed, &mut effect);
    original::set_step(turn, &pre_auth, Step::Open, &mut effect);
    limits::take_again(turn, &pre_auth, &mut effect);
    Ok(effect)
}

fn completion(turn: &Turn<'_>, found: &Entry) -> Verdict {
    if found.step != Step::Open || found.remainder != found.amount {
        return Err(DeclineReason::OriginalOutOfOrder.into());
    }
    if turn.is_full_of_holds() {
        let refusal = Refusal::from(DeclineReason::TooManyHolds);
        return Err(refusal.with_case(Case::UncoveredReversal));
    }
    completion_void::undo(turn, found, Step::Reversed)
}

/// The completion is in force again: the hold that its void brought back is captured once more.
fn completion_void(turn: &Turn<'_>, found: &Entry) -> Verdict {
    let completion = linked(turn, found, Step::Voided)?;
    let pre_auth = turn
        .by_version(completion.link)
        .filter(|entry| entry.step == Step::Open);
    let pre_auth = pre_auth.ok_or(DeclineReason::OriginalOutOfOrder)?;
    let split = Split::of(&completion);
    let kept = turn
        .card
        .open_hold(pre_auth.version, turn.now)
        .map(|hold| hold.amount);
    let spendable = turn.available().checked_add(kept.unwrap_or_default());
    if spendable.is_ok_and(|spendable| split.covered() > spendable) {
        return Err(not_covered());
    }
    let mut effect = Effect {
        link: found.version,
        ..Effect::default()
    };
    effect.changes.push(Change::RemoveHold(pre_auth.version));
    if !split.covered().is_zero() {
        effect.changes.push(Change::Debit(split.covered()));
    }
    original::set_step(turn, found, Step::Reversed, &mut effect);
    original::set_step(turn, &completion, Step::Open, &mut effect);
    original::set_step(turn, &pre_auth, Step::Completed, &mut effect);
    effect.ledger = Some(booking::capture(turn, split));
    Ok(effect)
}

/// A load is undone only while its money is unspent.
fn direct_credit(turn: &Turn<'_>, found: &Entry) -> Verdict {
    if found.step != Step::Open {
        return Err(DeclineReason::OriginalOutOfOrder.into());
    }
    if found.amount > turn.available() {
        return Err(not_covered());
    }
    // A top-up that was confirmed before it came was booked by its confirmation.
    let booked_by = match found.link {
        Version(0) => found.version,
        confirmation => confirmation,
    };
    let mut effect = Effect {
        link: booked_by,
        ..Effect::default()
    };
    effect.changes.push(Change::Debit(found.amount));
    original::set_step_of_key(turn, found, Step::Reversed, &mut effect);
    limits::give_back_top_up(turn, found, &mut effect);
    let holder = credit::holder_of(found);
    let entry = booking::credit(turn.card.account(), found.amount, holder);
    effect.ledger = Some(entry.mirror());
    Ok(effect)
}

fn linked(turn: &Turn<'_>, found: &Entry, step: Step) -> Result<Entry, Refusal> {
    let original = turn
        .by_version(found.link)
        .filter(|entry| entry.step == step);
    match (found.step, original) {
        (Step::Open, Some(original)) => Ok(original),
        _ => Err(DeclineReason::OriginalOutOfOrder.into()),
    }
}

fn not_covered() -> Refusal {
    Refusal::from(DeclineReason::OriginalOutOfOrder).with_case(Case::UncoveredReversal)
}
