//! Reversals, on paper: the step that a key names is undone, once.

use super::{Clock, No, Note, Sheet, Stand, Yes, case};
use crate::orders::message::{Message, What};
use card::{Case, DeclineReason};

impl Sheet {
    pub(super) fn reverse(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        let key = message.named.key;
        let index = key
            .and_then(|key| self.kept(key, clock))
            .ok_or(DeclineReason::OriginalNotFound)?;
        let found = self.notes[index];
        if matches!(found.stand, Stand::ReversedFirst | Stand::Met) {
            return Err(DeclineReason::OriginalNotFound.into());
        }
        if found.said.fen != message.fen {
            return Err(DeclineReason::AmountMismatch.into());
        }
        if matches!(found.stand, Stand::Refused | Stand::PaidAnyway) {
            return Err(DeclineReason::OriginalInvalid.into());
        }
        let is_unpaid = found.is_confirmed() && !self.is_paid(&found);
        if found.stand == Stand::Reversed || is_unpaid {
            return Ok(Yes::default()); // Said once more, today.
        }
        self.undo(index, &found, clock)?;
        // It counts for the day of what it undoes, as long as that is open.
        let day = match found.day > clock.frozen {
            true => found.day,
            false => clock.day,
        };
        Ok(Yes {
            on: Some(index),
            day: Some(day),
            ..Yes::default()
        })
    }

    fn undo(&mut self, index: usize, found: &Note, clock: Clock) -> Result<(), No> {
        match found.said.what {
            What::Purchase | What::PreAuth if found.is_whole() => {
                self.notes[index].stand = Stand::Reversed;
                Ok(())
            }
            What::Completion if found.is_whole() => {
                self.undo_completion(index, Stand::Reversed, clock);
                Ok(())
            }
            What::Void => self.undo_void(index, found, clock),
            What::PreAuthVoid => self.undo_pre_auth_void(index, found, clock),
            What::CompletionVoid => self.undo_completion_void(index, found, clock),
            What::TopUp | What::Confirm => self.undo_top_up(index, clock),
            What::Purchase | What::PreAuth | What::Completion => {
                Err(DeclineReason::OriginalOutOfOrder.into())
            }
            // An advice tells what has happened: it is not taken back by its key.
            What::Refund
            | What::CompletionAdvice
            | What::OfflineSale
            | What::Adjust
            | What::Tip
            | What::Reversal
            | What::Issue
            | What::PhoneLoss
            | What::Loss
            | What::Lift
            | What::Replace(_) => Err(DeclineReason::NotSupported.into()),
        }
    }

    /// The purchase is in force again. Its money waited for that; later it may be spent.
    fn undo_void(&mut self, index: usize, void: &Note, clock: Clock) -> Result<(), No> {
        let purchase = void.on.expect("a void has a purchase");
        if void.stand != Stand::InForce || self.notes[purchase].stand != Stand::Voided {
            return Err(DeclineReason::OriginalOutOfOrder.into());
        }
        if !void.is_uncleared(clock) && void.said.fen > self.money(clock).available {
            return Err(uncovered());
        }
        self.notes[purchase].stand = Stand::InForce;
        self.notes[index].stand = Stand::Reversed;
        Ok(())
    }

    /// The hold is there again, if it is covered.
    fn undo_pre_auth_void(&mut self, index: usize, void: &Note, clock: Clock) -> Result<(), No> {
        let hold = void.on.expect("the void of a hold has a hold");
        if void.stand != Stand::InForce || self.notes[hold].stand != Stand::Voided {
            return Err(DeclineReason::OriginalOutOfOrder.into());
        }
        if void.kept > self.money(clock).available {
            return Err(uncovered());
        }
        self.notes[hold].stand = Stand::InForce;
        self.notes[hold].kept = void.kept;
        self.notes[index].stand = Stand::Reversed;
        Ok(())
    }

    /// The completion is in force again, out of the hold that its void brought back.
    fn undo_completion_void(&mut self, index: usize, void: &Note, clock: Clock) -> Result<(), No> {
        let completion = void.on.expect("the void of a completion has a completion");
        let hold = self.notes[completion].on.expect("a completion has a hold");
        let is_undone = self.notes[completion].stand == Stand::Voided;
        let is_open = self.notes[hold].stand == Stand::InForce;
        if void.stand != Stand::InForce || !is_undone || !is_open {
            return Err(DeclineReason::OriginalOutOfOrder.into());
        }
        let kept = match self.notes[hold].is_alive(clock) {
            true => self.notes[hold].kept,
            false => 0,
        };
        if self.notes[completion].paid_by_card() > self.money(clock).available + kept {
            return Err(uncovered());
        }
        self.notes[completion].stand = Stand::InForce;
        self.notes[hold].stand = Stand::Captured;
        self.notes[index].stand = Stand::Reversed;
        Ok(())
    }
}

pub(super) const fn uncovered() -> No {
    case(DeclineReason::OriginalOutOfOrder, Case::UncoveredReversal)
}
