//! Pre-authorisation (0100): places a hold. Nothing is posted.

use crate::card::Hold;
use crate::decision::Change;
use crate::ids::Version;
use crate::outcome::DeclineReason;
use crate::programme::Offered;
use crate::rules::{Effect, Turn, Verdict, limits};
use money::Amount;

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount) -> Verdict {
    turn.may_debit()?;
    if turn.programme.preauth == Offered::No {
        return Err(DeclineReason::NotPermitted.into());
    }
    if amount.is_zero() {
        return Err(DeclineReason::InvalidAmount.into());
    }
    let counters = limits::spend(turn, amount)?;
    if turn.is_full_of_holds() {
        return Err(DeclineReason::TooManyHolds.into());
    }
    if amount > turn.available() {
        return Err(DeclineReason::InsufficientFunds.into()); // CARD-1
    }
    let mut effect = Effect::default();
    effect.changes.push(Change::PlaceHold(Hold {
        version: Version(turn.card.version.0.saturating_add(1)),
        offset: turn.context.position.offset,
        amount,
        placed_at: turn.now,
        expires_at: turn.now.plus_ms(turn.programme.hold_lifetime_ms),
        merchant: turn.merchant(),
    }));
    effect.changes.push(Change::SetCounters(counters));
    Ok(effect)
}
