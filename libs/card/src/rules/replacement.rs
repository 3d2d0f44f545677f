//! Replacement of a medium: the new one becomes the card's own, all others take credits only.
//!
//! The card, its balance, holds and refund rights stay where they are: a medium is only what the
//! holder shows.

use crate::command::ReplaceReason;
use crate::decision::Change;
use crate::outcome::DeclineReason;
use crate::programme::CardKind;
use crate::rules::{Effect, Turn, Verdict};

pub(crate) fn decide(turn: &Turn<'_>, medium: u8, reason: ReplaceReason) -> Verdict {
    // Nobody can prove to be the holder of an anonymous card that is gone.
    if turn.card.kind == CardKind::Anonymous && reason == ReplaceReason::Lost {
        return Err(DeclineReason::NotSupported.into());
    }
    if turn.card.active_medium() == Some(medium) {
        return Ok(Effect::default()); // Said once more.
    }
    // Numbers only grow, so that a medium that was replaced never comes back.
    if medium <= turn.card.active_medium {
        return Err(DeclineReason::NotPermitted.into());
    }
    let mut effect = Effect::default();
    effect.changes.push(Change::SetMedium(medium));
    if turn.card.loss.is_some() {
        // The report was about media that are good for nothing now.
        effect.changes.push(Change::SetLoss(None));
    }
    Ok(effect)
}
