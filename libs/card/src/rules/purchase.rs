//! Purchase (0200): hold and capture in one message.

use crate::decision::Change;
use crate::outcome::DeclineReason;
use crate::rules::{Effect, Turn, Verdict, booking};
use money::Amount;

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount) -> Verdict {
    turn.may_debit()?;
    if amount.is_zero() {
        return Err(DeclineReason::InvalidAmount.into());
    }
    if amount > turn.available() {
        return Err(DeclineReason::InsufficientFunds.into()); // CARD-1
    }
    let fee = booking::fee(amount, &turn.command.facts.fee);
    let split = booking::Split {
        amount,
        fee,
        short: Amount::ZERO,
    };
    let mut effect = Effect {
        remainder: amount,
        fee,
        ..Effect::default()
    };
    effect.changes.push(Change::Debit(amount));
    effect.ledger = Some(booking::capture(turn, split));
    Ok(effect)
}
