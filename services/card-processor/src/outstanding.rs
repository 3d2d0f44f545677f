//! The contiguous low watermark of a partition (OWN-3), and what holds at it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::context::{Booked, PartitionContext};
use crate::cuts::PassedCut;
use crate::totals::ControlTotals;
use card::Timestamp;
use card_store::BatchItem;
use mutants::{Mutant, broken};

/// What became of a record between dispatch and watermark.
#[derive(Debug)]
enum Slot {
    /// Not released yet.
    Open,
    /// Released; what it booked waits for its turn in the totals.
    Released(Option<Box<Booked>>),
    /// A mark: from here on this context holds.
    Mark(Arc<PartitionContext>, Timestamp),
}

/// Records between the watermark and the last dispatched one.
#[derive(Debug)]
pub(crate) struct Outstanding {
    /// The first record that is not released.
    watermark: u64,
    slots: VecDeque<Slot>,
    context: Arc<PartitionContext>,
    totals: ControlTotals,
    /// Cuts that the watermark passed and the store has not kept yet, oldest first.
    cuts: Vec<PassedCut>,
    /// Items of batches that the watermark passed and the store has not kept yet.
    items: Vec<BatchItem>,
}

impl Outstanding {
    pub(crate) fn new(
        next_offset: u64,
        context: Arc<PartitionContext>,
        (totals, cuts, items): (ControlTotals, Vec<PassedCut>, Vec<BatchItem>),
    ) -> Self {
        Self {
            watermark: next_offset,
            slots: VecDeque::new(),
            context,
            totals,
            cuts,
            items,
        }
    }

    /// The first record that is not released.
    pub(crate) fn watermark(&self) -> u64 {
        match broken(Mutant::OffsetPastPending) {
            true => self.watermark + self.slots.len() as u64,
            false => self.watermark, // OWN-3
        }
    }

    /// The context in force at the watermark.
    pub(crate) fn context(&self) -> &Arc<PartitionContext> {
        &self.context
    }

    /// What was booked before the watermark.
    pub(crate) fn totals(&self) -> &ControlTotals {
        &self.totals
    }

    /// Cuts that the store has not kept yet, oldest first.
    pub(crate) fn cuts(&self) -> &[PassedCut] {
        &self.cuts
    }

    /// The store has kept the cuts up to this number.
    pub(crate) fn cuts_kept(&mut self, number: u64) {
        self.cuts.retain(|cut| cut.number > number);
    }

    /// Hands over the items that the store has not kept yet.
    pub(crate) fn take_items(&mut self) -> Vec<BatchItem> {
        std::mem::take(&mut self.items)
    }

    /// The store could not keep them now.
    pub(crate) fn items_not_kept(&mut self, items: Vec<BatchItem>) {
        self.items.splice(..0, items);
    }

    /// How many records are dispatched and not released.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The next record in log order was dispatched. Returns how many wait for the watermark now.
    pub(crate) fn dispatched(&mut self) -> usize {
        self.slots.push_back(Slot::Open);
        self.slots.len()
    }

    /// The next record in log order is a mark.
    pub(crate) fn marked(&mut self, context: Arc<PartitionContext>, appended_at: Timestamp) {
        self.slots.push_back(Slot::Mark(context, appended_at));
        self.advance();
    }

    /// A dispatched record was released.
    ///
    /// # Panics
    /// When it was not dispatched, or is released twice: a bug of ours.
    pub(crate) fn released(&mut self, offset: u64, booked: Option<Box<Booked>>) {
        let index = offset
            .checked_sub(self.watermark)
            .and_then(|index| usize::try_from(index).ok());
        let slot = index
            .and_then(|index| self.slots.get_mut(index))
            .expect("it was dispatched");
        assert!(matches!(slot, Slot::Open), "a record is released once");
        match booked {
            Some(booked) if broken(Mutant::TotalsBeforeWatermark) => {
                *slot = Slot::Released(None);
                self.totals.post(booked.programme, &booked.entry);
            }
            booked => *slot = Slot::Released(booked),
        }
        self.advance();
    }

    fn advance(&mut self) {
        while !matches!(self.slots.front(), None | Some(Slot::Open)) {
            match self.slots.pop_front() {
                Some(Slot::Mark(context, appended_at)) => self.pass_mark(context, appended_at),
                Some(Slot::Released(Some(booked))) => {
                    self.totals.post(booked.programme, &booked.entry);
                    self.items.extend(booked.item);
                }
                Some(Slot::Released(None) | Slot::Open) | None => {}
            }
            self.watermark += 1;
        }
    }

    /// LEDGER-2: at a cut, what was booked before it is set aside, to be kept before the watermark
    /// is.
    fn pass_mark(&mut self, context: Arc<PartitionContext>, appended_at: Timestamp) {
        let cut = PassedCut::between((&self.context, &context), self.watermark, appended_at);
        if let Some(cut) = cut {
            let totals = self.totals.clone();
            self.cuts.push(PassedCut { totals, ..cut });
        }
        self.context = context;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_waits_for_the_first_open_record() {
        let empty = Arc::new(PartitionContext::EMPTY);
        let mut outstanding = Outstanding::new(10, Arc::clone(&empty), Default::default());
        outstanding.dispatched();
        outstanding.dispatched();
        let later = Arc::new(PartitionContext {
            cut_number: 1,
            ..PartitionContext::EMPTY
        });
        outstanding.marked(Arc::clone(&later), Timestamp(5));
        outstanding.released(11, None);
        assert_eq!(
            (outstanding.watermark(), outstanding.context()),
            (10, &empty)
        );
        outstanding.released(10, None);
        assert_eq!(
            (outstanding.watermark(), outstanding.context()),
            (13, &later)
        );
        assert_eq!(outstanding.len(), 0);
        let cuts = outstanding.cuts().iter();
        let cuts: Vec<_> = cuts.map(|cut| (cut.number, cut.offset)).collect();
        assert_eq!(cuts, [(1, 12)], "LEDGER-2: set aside when passed");
        outstanding.cuts_kept(1);
        assert_eq!(outstanding.cuts(), []);
    }
}
