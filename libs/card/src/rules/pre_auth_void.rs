//! Void of a pre-authorisation: releases an open hold.

use crate::command::OriginalRef;
use crate::decision::Change;
use crate::entry::Step;
use crate::outcome::DeclineReason;
use crate::rules::{Effect, Turn, Verdict, limits, original};
use money::Amount;

pub(crate) fn decide(turn: &Turn<'_>, amount: Amount, original: &OriginalRef) -> Verdict {
    turn.facts_hold()?;
    let pre_auth = original::pre_auth(turn, original)?;
    let open = turn.card.open_hold(pre_auth.version, turn.now);
    let (Step::Open, Some(hold)) = (pre_auth.step, open) else {
        return Err(DeclineReason::OriginalOutOfOrder.into());
    };
    if amount != pre_auth.amount {
        return Err(DeclineReason::AmountMismatch.into());
    }
    let mut effect = Effect {
        remainder: hold.amount,
        link: pre_auth.version,
        ..Effect::default()
    };
    effect.changes.push(Change::RemoveHold(hold.version));
    original::set_step(turn, &pre_auth, Step::Voided, &mut effect);
    limits::give_back(turn, &pre_auth, &mut effect);
    Ok(effect)
}
