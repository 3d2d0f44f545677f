//! Void of a purchase: same terminal, batch and day, whole amount. The fee goes back with it.

use crate::card::Uncleared;
use crate::command::OriginalRef;
use crate::decision::Change;
use crate::entry::{Kind, Step};
use crate::ids::Version;
use crate::outcome::DeclineReason;
use crate::rules::original::{self, Terminal};
use crate::rules::{Effect, Turn, Verdict, booking, limits};
use money::Amount;

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount, original: &OriginalRef) -> Verdict {
    turn.facts_hold()?;
    let purchase = original::matching(turn, original, Terminal::Same, &[Kind::Purchase])?;
    if purchase.step != Step::Open || purchase.remainder != purchase.amount {
        return Err(DeclineReason::OriginalOutOfOrder.into()); // CARD-4
    }
    if purchase.day != turn.context.day {
        return Err(DeclineReason::OriginalInvalid.into());
    }
    if amount != purchase.amount {
        return Err(DeclineReason::AmountMismatch.into());
    }
    if turn.is_full_of_credits() {
        return Err(DeclineReason::TooManyHolds.into());
    }
    let mut effect = Effect {
        link: purchase.version,
        ..Effect::default()
    };
    effect.changes.push(Change::Credit(amount));
    // CARD-1: what a void gives back is not spendable until the void can no longer be reversed.
    effect.changes.push(Change::AddUncleared(Uncleared {
        version: Version(turn.card.version.0.saturating_add(1)),
        amount,
        clears_at: turn.now.plus_ms(turn.programme.reversal_window_ms),
    }));
    original::set_step(turn, &purchase, Step::Voided, &mut effect);
    limits::give_back(turn, &purchase, &mut effect);
    effect.ledger = Some(booking::refund(turn, booking::Split::of(&purchase)));
    Ok(effect)
}
