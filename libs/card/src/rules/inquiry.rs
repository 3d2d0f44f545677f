//! Balance inquiry and account check: they tell, and write nothing. An expired card's balance is
//! still its holder's, but the card takes neither a debit nor a top-up.

use crate::outcome::DeclineReason;
use crate::rules::Turn;

pub(crate) fn balance(turn: &Turn<'_>) -> Result<(), DeclineReason> {
    turn.may_use()?;
    turn.facts_hold()
}

pub(crate) fn account(turn: &Turn<'_>) -> Result<(), DeclineReason> {
    turn.may_use()?;
    if turn.is_expired() {
        return Err(DeclineReason::ExpiredCard);
    }
    turn.facts_hold()
}
