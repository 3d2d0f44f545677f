//! Confirmation of a direct credit (0220): the money is paid, whatever became of its 0200.
//!
//! It is credited once, by the one that arrives first. People are told of whatever does not fit.

use crate::command::{CreditSource, OriginalRef};
use crate::decision::Change;
use crate::entry::{Entry, Kind, Step};
use crate::ids::LegKey;
use crate::outcome::{DeclineReason, Outcome};
use crate::row::Case;
use crate::rules::booking::{self, Holder};
use crate::rules::{Effect, Refusal, Turn, Verdict, credit, limits, original};
use money::Amount;

pub(crate) fn decide(
    turn: &Turn<'_>,
    amount: Amount,
    source: CreditSource,
    original: &OriginalRef,
) -> Verdict {
    let key = original.key.ok_or(DeclineReason::OriginalNotFound)?;
    let holder = Holder::of(source)
        .map_err(|reason| Refusal::from(reason).with_case(Case::CreditCardTopUp))?;
    if amount.is_zero() {
        return Err(DeclineReason::InvalidAmount.into());
    }
    let retention = turn.programme.key_retention_ms;
    let asked = turn
        .by_key(key)
        .filter(|entry| entry.is_retained(turn.now, retention));
    match asked {
        None => Ok(unseen(turn, amount, holder, key)),
        Some(asked) => confirm(turn, amount, holder, &asked),
    }
}

/// The request never came here, or comes later and is answered then from what is remembered.
fn unseen(turn: &Turn<'_>, amount: Amount, holder: Holder, key: LegKey) -> Effect {
    let mut effect = credited(turn, amount, holder);
    effect.outcome = Outcome::AcceptedUnseen;
    effect.case = Some(Case::UnseenCredit);
    effect.confirmed_first = Some(key);
    effect
}

fn confirm(turn: &Turn<'_>, amount: Amount, holder: Holder, asked: &Entry) -> Verdict {
    let refuse = |reason: DeclineReason, case: Case| Err(Refusal::from(reason).with_case(case));
    let is_credit = matches!(asked.kind, Kind::DirectCredit | Kind::ConfirmedFirst);
    if asked.kind == Kind::ReversedFirst || (is_credit && asked.step == Step::Reversed) {
        return refuse(DeclineReason::OriginalOutOfOrder, Case::ReversedCredit);
    }
    if !is_credit {
        return refuse(DeclineReason::OriginalNotFound, Case::OtherCredit);
    }
    if amount != asked.amount {
        return refuse(DeclineReason::AmountMismatch, Case::OtherCredit);
    }
    let is_credited = asked.outcome.is_approved() || asked.step == Step::Confirmed;
    if is_credited {
        return Ok(Effect {
            link: asked.version,
            ..Effect::default()
        });
    }
    let mut effect = credited(turn, amount, holder);
    effect.outcome = Outcome::AcceptedAfterRefusal;
    effect.case = Some(Case::RefusedCredit);
    effect.link = asked.version;
    original::set_step(turn, asked, Step::Confirmed, &mut effect);
    Ok(effect)
}

/// Never refused, neither for the cap nor for the card's state: the money is there.
fn credited(turn: &Turn<'_>, amount: Amount, holder: Holder) -> Effect {
    let part = limits::agent_part(turn, amount, holder);
    let mut effect = Effect {
        remainder: credit::remainder(amount, holder),
        short: part,
        ..Effect::default()
    };
    effect.changes.push(Change::Credit(amount));
    limits::count_top_up(turn, part, &mut effect);
    effect.ledger = Some(booking::credit(turn.card.account(), amount, holder));
    effect
}
