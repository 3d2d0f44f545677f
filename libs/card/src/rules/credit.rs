//! Direct credit: a top-up that arrives paid.

use crate::command::CreditSource;
use crate::decision::Change;
use crate::entry::Entry;
use crate::outcome::DeclineReason;
use crate::programme::Offered;
use crate::rules::booking::{self, Holder};
use crate::rules::{Effect, Turn, Verdict, acceptance, limits};
use money::Amount;

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount, source: CreditSource) -> Verdict {
    if turn.is_lost() {
        return Err(DeclineReason::LostCard.into());
    }
    if turn.is_expired() {
        return Err(DeclineReason::ExpiredCard.into());
    }
    let holder = Holder::of(source)?;
    acceptance::check_channel(turn.programme, turn.command.facts.channel)?;
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
    let part = limits::agent_part(turn, amount, holder);
    limits::top_up(turn, part)?;
    let mut effect = Effect {
        remainder: remainder(amount, holder),
        short: part,
        ..Effect::default()
    };
    effect.changes.push(Change::Credit(amount));
    limits::count_top_up(turn, part, &mut effect);
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
