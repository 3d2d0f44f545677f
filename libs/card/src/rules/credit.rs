//! Direct credit: a top-up that arrives paid.

use crate::command::CreditSource;
use crate::decision::Change;
use crate::entry::Entry;
use crate::outcome::DeclineReason;
use crate::programme::Offered;
use crate::rules::booking::{self, Holder};
use crate::rules::{Effect, Turn, Verdict};
use money::Amount;

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount, source: CreditSource) -> Verdict {
    if turn.card.lost_at.is_some() {
        return Err(DeclineReason::LostCard.into());
    }
    if turn.is_expired() {
        return Err(DeclineReason::ExpiredCard.into());
    }
    let holder = Holder::of(source)?;
    if turn.programme.reloadable == Offered::No {
        return Err(DeclineReason::NotPermitted.into());
    }
    if amount.is_zero() {
        return Err(DeclineReason::InvalidAmount.into());
    }
    let posted = turn
        .card
        .posted
        .checked_add(amount)
        .map_err(|_| DeclineReason::OverLimit)?;
    if posted > turn.programme.balance_cap {
        return Err(DeclineReason::OverLimit.into()); // CARD-5
    }
    let mut effect = Effect {
        remainder: remainder(amount, holder),
        ..Effect::default()
    };
    effect.changes.push(Change::Credit(amount));
    effect.ledger = Some(booking::credit(turn.card.account(), amount, holder));
    Ok(effect)
}

/// What an entry keeps of it, see [`holder_of`].
pub(crate) const fn remainder(amount: Amount, holder: Holder) -> Amount {
    match holder {
        Holder::Bank => amount,
        Holder::SalesPoint => Amount::ZERO,
    }
}

/// Who holds the money of a top-up, so that its undo mirrors it.
pub(crate) const fn holder_of(credit: &Entry) -> Holder {
    if credit.remainder.is_zero() {
        Holder::SalesPoint
    } else {
        Holder::Bank
    }
}
