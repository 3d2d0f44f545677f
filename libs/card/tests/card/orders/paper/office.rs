//! Loss reports and replacements, and what they forbid, on paper.

use super::{Clock, DAY, No, Sheet, Yes};
use crate::orders::message::{Message, What};
use card::DeclineReason;

/// How long a report by telephone holds.
const PHONE_LOSS: i64 = 5 * DAY;

/// A loss report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loss {
    /// When a report by telephone ends by itself.
    until: Option<i64>,
}

impl Sheet {
    /// What is asked of a card before it pays.
    pub(super) fn may_spend(&self, message: &Message, clock: Clock) -> Result<(), No> {
        let is_old_medium = self.medium != 0 && self.medium != message.medium;
        if self.is_lost(clock) || is_old_medium {
            return Err(DeclineReason::LostCard.into());
        }
        if self.is_expired(clock) {
            return Err(DeclineReason::ExpiredCard.into());
        }
        let spent = self.spent_today(clock) + message.fen;
        if self.terms.day_limit.is_some_and(|limit| spent > limit) {
            return Err(DeclineReason::OverLimit.into());
        }
        Ok(())
    }

    pub(super) fn is_lost(&self, clock: Clock) -> bool {
        self.loss
            .is_some_and(|loss| loss.until.is_none_or(|until| clock.now < until))
    }

    /// Only who is known by name can say that a card is his.
    pub(super) fn report(&mut self, what: What, clock: Clock) -> Result<Yes, No> {
        if self.terms.is_anonymous {
            return Err(DeclineReason::NotSupported.into());
        }
        let is_formal = self.loss.is_some_and(|loss| loss.until.is_none());
        let until = (what == What::PhoneLoss && !is_formal).then_some(clock.now + PHONE_LOSS);
        self.loss = Some(Loss { until });
        Ok(Yes::default())
    }

    pub(super) fn lift(&mut self) -> Result<Yes, No> {
        if self.terms.is_anonymous {
            return Err(DeclineReason::NotSupported.into());
        }
        self.loss = None;
        Ok(Yes::default())
    }

    /// The new medium is good for everything, all others for credits only. Numbers only grow.
    pub(super) fn replace(&mut self, medium: u8) -> Result<Yes, No> {
        if medium == self.medium && medium != 0 {
            return Ok(Yes::default()); // Said once more.
        }
        if medium <= self.medium {
            return Err(DeclineReason::NotPermitted.into());
        }
        self.medium = medium;
        self.loss = None;
        Ok(Yes::default())
    }
}
