//! Top-ups and their confirmations, on paper: the money is credited once, by the half that
//! arrives first.

use super::{Clock, No, Note, Sheet, Stand, Yes, case, undo};
use crate::orders::message::{Answer, Message, What};
use card::{Case, DeclineReason, Outcome};

impl Sheet {
    pub(super) fn top_up(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        if self.is_lost(clock) {
            return Err(DeclineReason::LostCard.into());
        }
        if self.is_expired(clock) {
            return Err(DeclineReason::ExpiredCard.into());
        }
        if self.money(clock).booked + message.fen > self.terms.cap {
            return Err(DeclineReason::OverLimit.into());
        }
        Ok(Yes::default())
    }

    /// The money is there: nothing of the card's state refuses it, and people are told of what
    /// does not fit.
    pub(super) fn confirm(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        let key = message.named.key.expect("a confirmation names its top-up");
        let Some(index) = self.kept(key, clock) else {
            return Ok(Yes {
                outcome: Some(Outcome::AcceptedUnseen),
                case: Some(Case::UnseenCredit),
                ..Yes::default()
            });
        };
        let asked = self.notes[index];
        let is_undone = matches!(asked.stand, Stand::ReversedFirst | Stand::Met)
            || (asked.is_confirmed() && !self.is_paid(&asked))
            || (asked.said.what == What::TopUp && asked.stand == Stand::Reversed);
        if is_undone {
            return Err(case(
                DeclineReason::OriginalOutOfOrder,
                Case::ReversedCredit,
            ));
        }
        if !matches!(asked.said.what, What::TopUp | What::Confirm) {
            return Err(case(DeclineReason::OriginalNotFound, Case::OtherCredit));
        }
        if asked.said.fen != message.fen {
            return Err(case(DeclineReason::AmountMismatch, Case::OtherCredit));
        }
        if asked.stand != Stand::Refused {
            return Ok(Yes {
                on: Some(index),
                ..Yes::default()
            });
        }
        self.notes[index].stand = Stand::PaidAnyway;
        Ok(Yes {
            on: Some(index),
            outcome: Some(Outcome::AcceptedAfterRefusal),
            case: Some(Case::RefusedCredit),
            ..Yes::default()
        })
    }

    /// The late half of a confirmed top-up: approved, and worth nothing of its own.
    pub(super) fn meet_confirmed(
        &mut self,
        index: usize,
        message: &Message,
        clock: Clock,
        rrn: u64,
    ) -> Answer {
        let early = self.notes[index];
        if !self.is_paid(&early) {
            return self.refuse_late(index, message, clock, rrn);
        }
        if message.what != What::TopUp || message.fen != early.said.fen {
            return self.clash(clock, rrn);
        }
        self.decisions += 1;
        let note = self.note(message, Outcome::Approved, (clock, rrn), Yes::default());
        self.notes[index] = Note {
            stand: Stand::ConfirmedBefore,
            on: early.on,
            ..note
        };
        self.written(index, clock)
    }

    /// What brought money: sales of the card, top-ups, and confirmations that came first or after a
    /// refusal.
    pub(super) fn paid_in(&self) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(|note| {
            let has_paid = matches!(note.said.what, What::Issue | What::TopUp)
                || (note.said.what == What::Confirm && note.outcome != Outcome::Approved);
            has_paid && note.stand == Stand::InForce
        })
    }

    /// Whether the confirmation that took this key first still stands.
    pub(super) fn is_paid(&self, note: &Note) -> bool {
        note.on
            .is_some_and(|confirmation| self.notes[confirmation].stand == Stand::InForce)
    }

    /// A top-up is undone only while its money is unspent.
    pub(super) fn undo_top_up(&mut self, index: usize, clock: Clock) -> Result<(), No> {
        let found = self.notes[index];
        let confirmation = found.on.filter(|_| found.is_confirmed());
        let worth = confirmation.unwrap_or(index);
        if found.said.fen > self.money(clock).available {
            return Err(undo::uncovered());
        }
        self.notes[worth].stand = Stand::Reversed;
        Ok(())
    }
}
