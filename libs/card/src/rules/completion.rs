//! Completion of a pre-authorisation: captures, releases the whole hold, frees the difference.
//!
//! A request may be refused. An advice tells what the merchant has done already: what matches
//! posts, even on a lost card, and what the balance cannot cover goes to suspense (CARD-5).

use crate::card::Hold;
use crate::command::{CompletionForm, OriginalRef};
use crate::decision::Change;
use crate::entry::{Entry, Step};
use crate::outcome::DeclineReason;
use crate::row::Case;
use crate::rules::booking::{self, Split};
use crate::rules::{Effect, Refusal, Turn, Verdict, original};
use money::Amount;

pub(crate) fn decide(
    turn: &Turn<'_>,
    amount: Amount,
    original: &OriginalRef,
    form: CompletionForm,
) -> Verdict {
    match form {
        CompletionForm::Request => request(turn, amount, original).map_err(Refusal::from),
        CompletionForm::Advice => advice(turn, amount, original),
    }
}

fn request(
    turn: &Turn<'_>,
    amount: Amount,
    original: &OriginalRef,
) -> Result<Effect, DeclineReason> {
    turn.facts_hold()?;
    let (pre_auth, hold) = open_hold(turn, original)?;
    // The hold was taken before the card was lost, so it is honoured; a later one cannot exist.
    let bound = capture_max(turn, &pre_auth);
    if amount.is_zero() {
        return Err(DeclineReason::InvalidAmount);
    }
    if amount > bound {
        return Err(DeclineReason::OverLimit); // CARD-4
    }
    if amount > spendable(turn, &hold) {
        return Err(DeclineReason::InsufficientFunds); // CARD-1
    }
    Ok(capture(turn, &pre_auth, &hold, Split::due(turn, amount)))
}

fn advice(turn: &Turn<'_>, amount: Amount, original: &OriginalRef) -> Verdict {
    let (pre_auth, hold) = open_hold(turn, original).map_err(|reason| {
        let late = reason == DeclineReason::OriginalOutOfOrder;
        let case = if late {
            Case::LateAdvice
        } else {
            Case::UnmatchedAdvice
        };
        Refusal::from(reason).with_case(case)
    })?;
    if amount.is_zero() {
        return Err(DeclineReason::InvalidAmount.into());
    }
    if amount > capture_max(turn, &pre_auth) {
        return Err(Refusal::from(DeclineReason::OverLimit).with_case(Case::ExcessAdvice));
    }
    let short = amount.saturating_sub(spendable(turn, &hold));
    let mut effect = capture(
        turn,
        &pre_auth,
        &hold,
        Split {
            short,
            ..Split::due(turn, amount)
        },
    );
    effect.case = (!short.is_zero()).then_some(Case::ShortAdvice);
    Ok(effect)
}

fn open_hold(turn: &Turn<'_>, original: &OriginalRef) -> Result<(Entry, Hold), DeclineReason> {
    let pre_auth = original::pre_auth(turn, original)?;
    let hold = turn.card.open_hold(pre_auth.version, turn.now);
    match (pre_auth.step, hold) {
        (Step::Open, Some(hold)) => Ok((pre_auth, *hold)),
        _ => Err(DeclineReason::OriginalOutOfOrder),
    }
}

/// What the programme lets a completion capture of this hold: of what was first held, since an
/// undone completion may have brought back less.
fn capture_max(turn: &Turn<'_>, pre_auth: &Entry) -> Amount {
    share(pre_auth.amount, turn.programme.completion_ratio_percent)
}

/// So many percent of an amount, rounded down to the minor unit.
pub(crate) fn share(amount: Amount, percent: u16) -> Amount {
    let exact = u128::from(amount.minor()).saturating_mul(u128::from(percent)) / 100;
    u64::try_from(exact)
        .ok()
        .and_then(|minor| Amount::from_minor(minor).ok())
        .unwrap_or(amount)
}

/// What the hold keeps for this capture, and what is available beside it.
fn spendable(turn: &Turn<'_>, hold: &Hold) -> Amount {
    turn.available()
        .checked_add(hold.amount)
        .expect("both are parts of one balance")
}

fn capture(turn: &Turn<'_>, pre_auth: &Entry, hold: &Hold, split: Split) -> Effect {
    let mut effect = Effect {
        remainder: split.amount,
        fee: split.fee,
        short: split.short,
        link: pre_auth.version,
        ..Effect::default()
    };
    effect.changes.push(Change::RemoveHold(hold.version));
    if !split.covered().is_zero() {
        effect.changes.push(Change::Debit(split.covered()));
    }
    original::set_step(turn, pre_auth, Step::Completed, &mut effect);
    effect.ledger = Some(booking::capture(turn, split));
    effect
}
