//! The contiguous low watermark of a partition (OWN-3), and what holds at it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::context::{Booked, ControlTotals, PartitionContext};

/// What became of a record between dispatch and watermark.
#[derive(Debug)]
enum Slot {
    /// Not released yet.
    Open,
    /// Released; what it booked waits for its turn in the totals.
    Released(Option<Box<Booked>>),
    /// A mark: from here on this context holds.
    Mark(Arc<PartitionContext>),
}

/// Records between the watermark and the last dispatched one.
#[derive(Debug)]
pub(crate) struct Outstanding {
    /// The first record that is not released.
    watermark: u64,
    slots: VecDeque<Slot>,
    context: Arc<PartitionContext>,
    totals: ControlTotals,
}

impl Outstanding {
    pub(crate) fn new(
        next_offset: u64,
        context: Arc<PartitionContext>,
        totals: ControlTotals,
    ) -> Self {
        Self {
            watermark: next_offset,
            slots: VecDeque::new(),
            context,
            totals,
        }
    }

    /// The first record that is not released.
    pub(crate) fn watermark(&self) -> u64 {
        self.watermark
    }

    /// The context in force at the watermark.
    pub(crate) fn context(&self) -> &Arc<PartitionContext> {
        &self.context
    }

    /// What was booked before the watermark.
    pub(crate) fn totals(&self) -> &ControlTotals {
        &self.totals
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
    pub(crate) fn marked(&mut self, context: Arc<PartitionContext>) {
        self.slots.push_back(Slot::Mark(context));
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
        *slot = Slot::Released(booked);
        self.advance();
    }

    fn advance(&mut self) {
        while !matches!(self.slots.front(), None | Some(Slot::Open)) {
            match self.slots.pop_front() {
                Some(Slot::Mark(context)) => self.context = context,
                Some(Slot::Released(Some(booked))) => {
                    self.totals.post(booked.programme, &booked.entry);
                }
                Some(Slot::Released(None) | Slot::Open) | None => {}
            }
            self.watermark += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_waits_for_the_first_open_record() {
        let empty = Arc::new(PartitionContext::EMPTY);
        let mut outstanding = Outstanding::new(10, Arc::clone(&empty), ControlTotals::default());
        outstanding.dispatched();
        outstanding.dispatched();
        let later = Arc::new(PartitionContext {
            cut_number: 1,
            ..PartitionContext::EMPTY
        });
        outstanding.marked(Arc::clone(&later));
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
    }
}
