//! Purchase (0200): hold and capture in one message.

use crate::decision::Change;
use crate::outcome::DeclineReason;
use crate::rules::{Effect, Turn, Verdict, booking, limits};
use money::Amount;

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount) -> Verdict {
    turn.may_debit()?;
    if amount.is_zero() {
        return Err(DeclineReason::InvalidAmount.into());
    }
    let counters = limits::spend(turn, amount)?;
    if amount > turn.available() {
        return Err(DeclineReason::InsufficientFunds.into()); // CARD-1
    }
    let split = booking::Split::due(turn, amount);
    let mut effect = Effect {
        remainder: amount,
        fee: split.fee,
        ..Effect::default()
    };
    effect.changes.push(Change::Debit(amount));
    effect.changes.push(Change::SetCounters(counters));
    effect.ledger = Some(booking::capture(turn, split));
    Ok(effect)
}
