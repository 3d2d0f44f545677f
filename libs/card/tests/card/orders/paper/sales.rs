//! Purchases, their voids, and refunds, on paper.

use super::{Clock, No, Note, REFUND_REPEAT, REFUND_WINDOW, Sheet, Stand, Yes, case};
use crate::orders::message::{Message, Named, What};
use card::{Case, DeclineReason};

impl Sheet {
    pub(super) fn purchase(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        self.may_spend(message, clock)?;
        if message.fen > self.money(clock).available {
            return Err(DeclineReason::InsufficientFunds.into());
        }
        Ok(Yes::default())
    }

    /// The same terminal takes a whole purchase back on the same day.
    ///
    /// The trade says: in the same batch too. That is judged before the card, from the void alone: it
    /// names the batch of its purchase, and its own. So here a batch is a part of the key and nothing
    /// else, and a void that got as far as the card has come in the batch that it names.
    pub(super) fn void(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        let index = self.original_here(message, &[What::Purchase])?;
        let purchase = self.notes[index];
        if !purchase.is_whole() {
            return Err(DeclineReason::OriginalOutOfOrder.into());
        }
        if purchase.day != clock.day {
            return Err(DeclineReason::OriginalInvalid.into());
        }
        if purchase.said.fen != message.fen {
            return Err(DeclineReason::AmountMismatch.into());
        }
        self.notes[index].stand = Stand::Voided;
        Ok(Yes {
            on: Some(index),
            ..Yes::default()
        })
    }

    pub(super) fn refund(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        let kinds = [
            What::Purchase,
            What::Completion,
            What::CompletionAdvice,
            What::OfflineSale,
        ];
        let index = self.original(message, &kinds)?;
        let sale = self.notes[index];
        if !sale.is_sale_in_force() || clock.now - sale.at > REFUND_WINDOW {
            return Err(DeclineReason::OriginalOutOfOrder.into());
        }
        let is_repeat = |note: &Note| {
            note.on == Some(index)
                && note.said.fen == message.fen
                && clock.now - note.at <= REFUND_REPEAT
        };
        if self.standing(What::Refund).any(is_repeat) {
            return Err(DeclineReason::Duplicate.into());
        }
        if message.fen > sale.kept_total() {
            return Err(DeclineReason::AmountMismatch.into());
        }
        self.notes[index].returned += message.fen;
        Ok(Yes {
            on: Some(index),
            ..Yes::default()
        })
    }

    /// A sale is given another total. The merchant has acted, so whatever does not fit is a case.
    pub(super) fn adjust(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        let kinds = [
            What::Purchase,
            What::Completion,
            What::CompletionAdvice,
            What::OfflineSale,
        ];
        let index = self
            .original(message, &kinds)
            .map_err(|no| case(no.reason, Case::UnmatchedAdvice))?;
        let sale = self.notes[index];
        let is_whole = sale.is_sale_in_force() && sale.returned == 0;
        if !is_whole || clock.now - sale.at > REFUND_WINDOW {
            return Err(case(
                DeclineReason::OriginalOutOfOrder,
                Case::LateAdjustment,
            ));
        }
        if message.fen > self.most(&sale, message.what) {
            return Err(case(DeclineReason::OverLimit, Case::ExcessAdjustment));
        }
        if message.what == What::Tip && message.fen < sale.said.fen {
            return Err(case(DeclineReason::AmountMismatch, Case::ExcessAdjustment));
        }
        let more = message.fen - sale.total;
        let uncovered = (more - self.money(clock).available).max(0);
        let sale = &mut self.notes[index];
        // Less makes whole first who paid for the card.
        sale.short = (sale.short + more.min(0)).max(0) + uncovered;
        sale.total = message.fen;
        sale.stand = Stand::Adjusted;
        Ok(Yes {
            on: Some(index),
            case: (uncovered > 0).then_some(Case::ShortAdvice),
            ..Yes::default()
        })
    }

    fn most(&self, sale: &Note, what: What) -> i64 {
        if what == What::Tip {
            return sale.said.fen * (100 + self.terms.tip_percent) / 100;
        }
        let base = sale
            .on
            .map_or(sale.said.fen, |hold| self.notes[hold].said.fen);
        base * self.terms.completion_percent / 100
    }

    /// What the receipt or else the key names. A key that was only spoken of is nothing.
    pub(super) fn named(&self, named: &Named) -> Option<usize> {
        let by_key = named.key.and_then(|key| self.by_key(key));
        let index = named.rrn.and_then(|rrn| self.by_rrn(rrn)).or(by_key)?;
        let note = &self.notes[index];
        let is_mere_key = matches!(note.stand, Stand::ReversedFirst | Stand::Met);
        (!is_mere_key && note.said.what != What::Reversal).then_some(index)
    }

    /// The original, wherever in the merchant's shop it was sold.
    pub(super) fn original(&self, message: &Message, kinds: &[What]) -> Result<usize, No> {
        let index = self.of_shop(message, kinds)?;
        self.check_receipt(message, index)
    }

    /// The original, which must be of this very terminal.
    pub(super) fn original_here(&self, message: &Message, kinds: &[What]) -> Result<usize, No> {
        let index = self.of_shop(message, kinds)?;
        if message
            .named
            .key
            .is_some_and(|key| key != self.notes[index].key)
        {
            return Err(DeclineReason::TerminalMismatch.into());
        }
        self.check_receipt(message, index)
    }

    fn of_shop(&self, message: &Message, kinds: &[What]) -> Result<usize, No> {
        let index = self.named(&message.named);
        let fits = |index: &usize| {
            let note = &self.notes[*index];
            note.key.merchant == message.key.merchant && kinds.contains(&note.said.what)
        };
        let index = index.filter(fits);
        index.ok_or(DeclineReason::OriginalNotFound.into())
    }

    /// All that the receipt says is true, and it says that the sale was approved. The code may be
    /// that of the hold which the sale captured.
    fn check_receipt(&self, message: &Message, index: usize) -> Result<usize, No> {
        let note = &self.notes[index];
        let hold_code = note.on.map(|hold| self.notes[hold].code);
        let named = &message.named;
        let is_true = named.rrn.is_none_or(|rrn| rrn == note.rrn)
            && named
                .code
                .is_none_or(|code| code == note.code || Some(code) == hold_code);
        if !is_true {
            return Err(DeclineReason::OriginalNotFound.into());
        }
        if note.stand == Stand::Refused {
            return Err(DeclineReason::OriginalInvalid.into());
        }
        Ok(index)
    }
}
