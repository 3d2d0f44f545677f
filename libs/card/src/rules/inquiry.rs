//! Balance inquiry: tells, and writes nothing. An expired card's balance is still its holder's.

use crate::outcome::DeclineReason;
use crate::rules::Turn;

pub(crate) fn decide(turn: &Turn<'_>) -> Result<(), DeclineReason> {
    if turn.card.lost_at.is_some() {
        return Err(DeclineReason::LostCard);
    }
    turn.facts_hold()
}
