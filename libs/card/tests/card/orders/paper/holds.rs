//! Pre-authorisations, their voids and completions, on paper.

use super::{Clock, No, Sheet, Stand, Yes, case};
use crate::orders::message::{Message, What};
use card::{Case, DeclineReason};

impl Sheet {
    pub(super) fn pre_auth(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        self.may_spend(message, clock)?;
        if message.fen > self.money(clock).available {
            return Err(DeclineReason::InsufficientFunds.into());
        }
        Ok(Yes {
            kept: message.fen,
            ..Yes::default()
        })
    }

    pub(super) fn void_pre_auth(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        let index = self.open_hold(message, clock)?;
        let hold = &mut self.notes[index];
        if hold.said.fen != message.fen {
            return Err(DeclineReason::AmountMismatch.into());
        }
        hold.stand = Stand::Voided;
        Ok(Yes {
            on: Some(index),
            kept: hold.kept,
            ..Yes::default()
        })
    }

    /// The merchant asks: within the hold's bound, and what is over the hold must be covered.
    pub(super) fn complete(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        let index = self.open_hold(message, clock)?;
        if message.fen > self.bound(index) {
            return Err(DeclineReason::OverLimit.into());
        }
        if message.fen > self.reach(index, clock) {
            return Err(DeclineReason::InsufficientFunds.into());
        }
        self.notes[index].stand = Stand::Captured;
        Ok(Yes {
            on: Some(index),
            ..Yes::default()
        })
    }

    /// The merchant tells what was sold: what is not covered goes to suspense, and whatever does
    /// not fit is a case.
    pub(super) fn advise(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        let index = self.open_hold(message, clock).map_err(|no| {
            let is_closed = no.reason == DeclineReason::OriginalOutOfOrder;
            let why = match is_closed {
                true => Case::LateAdvice,
                false => Case::UnmatchedAdvice,
            };
            case(no.reason, why)
        })?;
        if message.fen > self.bound(index) {
            return Err(case(DeclineReason::OverLimit, Case::ExcessAdvice));
        }
        let short = (message.fen - self.reach(index, clock)).max(0);
        self.notes[index].stand = Stand::Captured;
        Ok(Yes {
            on: Some(index),
            short,
            case: (short > 0).then_some(Case::ShortAdvice),
            ..Yes::default()
        })
    }

    pub(super) fn void_completion(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        let kinds = [What::Completion, What::CompletionAdvice];
        let index = self.original_here(message, &kinds)?;
        let completion = self.notes[index];
        if !completion.is_whole() {
            return Err(DeclineReason::OriginalOutOfOrder.into());
        }
        if completion.day != clock.day {
            return Err(DeclineReason::OriginalInvalid.into());
        }
        if completion.said.fen != message.fen {
            return Err(DeclineReason::AmountMismatch.into());
        }
        self.undo_completion(index, Stand::Voided, clock);
        Ok(Yes {
            on: Some(index),
            ..Yes::default()
        })
    }

    /// The money comes back under the hold, with what of the freed difference is still there.
    pub(super) fn undo_completion(&mut self, index: usize, stand: Stand, clock: Clock) {
        let free = self.money(clock).available;
        let paid = self.notes[index].paid_by_card();
        self.notes[index].stand = stand;
        let hold = self.notes[index].on.expect("a completion has a hold");
        let hold = &mut self.notes[hold];
        let freed = (hold.said.fen - paid).max(0);
        hold.kept = paid + freed.min(free);
        hold.stand = Stand::InForce;
    }

    /// The hold that is named, by approval code first, if it is open.
    fn open_hold(&self, message: &Message, clock: Clock) -> Result<usize, No> {
        let named = &message.named;
        let index = match named.code {
            Some(code) => self.by_code(code),
            None => self.named(named),
        };
        let fits = |index: &usize| {
            let note = &self.notes[*index];
            note.said.what == What::PreAuth
                && !matches!(note.stand, Stand::Met | Stand::ReversedFirst)
                && note.key.merchant == message.key.merchant
                && named.rrn.is_none_or(|rrn| rrn == note.rrn)
        };
        let index = index.filter(fits).ok_or(DeclineReason::OriginalNotFound)?;
        let hold = &self.notes[index];
        if hold.stand == Stand::Refused {
            return Err(DeclineReason::OriginalInvalid.into());
        }
        if hold.stand != Stand::InForce || !hold.is_alive(clock) {
            return Err(DeclineReason::OriginalOutOfOrder.into());
        }
        Ok(index)
    }

    /// The most that may be captured of a hold, of what was first held.
    fn bound(&self, index: usize) -> i64 {
        self.notes[index].said.fen * self.terms.completion_percent / 100
    }

    /// What the hold keeps and what is free beside it.
    fn reach(&self, index: usize, clock: Clock) -> i64 {
        self.money(clock).available + self.notes[index].kept
    }
}
