//! Loss report and its lifting. Effective at its position in the log, for all media of the card.

use crate::decision::Change;
use crate::outcome::DeclineReason;
use crate::programme::CardKind;
use crate::rules::{Effect, Turn, Verdict};

pub(crate) fn report(turn: &Turn<'_>) -> Verdict {
    registered(turn)?;
    let since = turn.card.lost_at.unwrap_or(turn.now);
    Ok(with(Change::SetLost(Some(since))))
}

pub(crate) fn lift(turn: &Turn<'_>) -> Verdict {
    registered(turn)?;
    Ok(with(Change::SetLost(None)))
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
