//! Loss report and its lifting. Effective at its position in the log, for all media of the card.
//! A temporary report ends by itself: that is computed from the card's time, by no timer.

use crate::card::Loss;
use crate::command::LossForm;
use crate::decision::Change;
use crate::outcome::DeclineReason;
use crate::programme::CardKind;
use crate::rules::{Effect, Turn, Verdict};

pub(crate) fn report(turn: &Turn<'_>, form: LossForm) -> Verdict {
    registered(turn)?;
    let running = turn.card.loss.filter(|_| turn.is_lost());
    let since = running.map_or(turn.now, |loss| loss.since);
    let is_formal = running.is_some_and(|loss| loss.until.is_none());
    let until = match form {
        LossForm::Temporary if !is_formal => {
            Some(turn.now.plus_ms(turn.programme.temporary_loss_ms))
        }
        LossForm::Temporary | LossForm::Formal => None,
    };
    Ok(with(Change::SetLoss(Some(Loss { since, until }))))
}

pub(crate) fn lift(turn: &Turn<'_>) -> Verdict {
    registered(turn)?;
    Ok(with(Change::SetLoss(None)))
}

/// Nobody can prove to be the holder of an anonymous card.
fn registered(turn: &Turn<'_>) -> Result<(), DeclineReason> {
    match turn.card.kind {
        CardKind::Registered => Ok(()),
        CardKind::Anonymous => Err(DeclineReason::NotSupported),
    }
}

fn with(change: Change) -> Effect {
    let mut effect = Effect::default();
    effect.changes.push(change);
    effect
}
