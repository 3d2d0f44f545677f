//! What a card spent in the local day and month, for the limits of its programme.
//!
//! Purchases and pre-authorisations count when they are approved: that is when the holder spends.
//! Completions, advices and adjustments are the merchant's acts and count nothing of their own.
//! A void or reversal gives room back in the periods that its original was counted in.

use crate::calendar::{Civil, DAY_MS};
use crate::codec::{CodecError, Reader, Writer};
use crate::entry::read_amount;
use crate::ids::{Day, Timestamp};
use money::Amount;

/// The local day of a moment at a fixed UTC offset, in days since 1970-01-01.
pub(crate) fn local_day(moment: Timestamp, utc_offset_minutes: i16) -> Day {
    let shift = i64::from(utc_offset_minutes).saturating_mul(60_000);
    let days = moment.0.saturating_add(shift).div_euclid(DAY_MS).max(0);
    Day(u16::try_from(days).unwrap_or(u16::MAX))
}

/// Sums of one local day and of the month around it. Zero at the card's first spending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counters {
    /// The local day that the sums of the day belong to, and whose month those of the month.
    pub(crate) day: Day,
    pub(crate) day_amount: Amount,
    pub(crate) day_count: u32,
    pub(crate) month_amount: Amount,
    pub(crate) month_count: u32,
    /// Cash top-ups of the day at machines and agents.
    pub(crate) agent_top_ups: Amount,
}

impl Counters {
    /// The sums as they stand on a day: another day or month begins at zero.
    pub(crate) fn on(self, day: Day) -> Self {
        if day == self.day {
            return self;
        }
        let new_month = Self {
            day,
            ..Self::default()
        };
        if month_of(day) != month_of(self.day) {
            return new_month;
        }
        Self {
            month_amount: self.month_amount,
            month_count: self.month_count,
            ..new_month
        }
    }

    /// One more transaction of `self.day`.
    pub(crate) fn with(self, amount: Amount) -> Self {
        Self {
            day_amount: plus(self.day_amount, amount),
            day_count: self.day_count.saturating_add(1),
            month_amount: plus(self.month_amount, amount),
            month_count: self.month_count.saturating_add(1),
            ..self
        }
    }

    /// A transaction of `day` counts again: its undo was undone.
    pub(crate) fn with_late(self, day: Day, amount: Amount) -> Self {
        let counted = self.with(amount);
        self.in_periods_of(day, counted)
    }

    /// A transaction of `day` does not count any longer.
    pub(crate) fn without(self, day: Day, amount: Amount) -> Self {
        let given_back = Self {
            day_amount: self.day_amount.saturating_sub(amount),
            day_count: self.day_count.saturating_sub(1),
            month_amount: self.month_amount.saturating_sub(amount),
            month_count: self.month_count.saturating_sub(1),
            ..self
        };
        self.in_periods_of(day, given_back)
    }

    /// What of `changed` holds for a transaction of `day`: the sums of the day if it is this one,
    /// those of the month if it is in it.
    fn in_periods_of(self, day: Day, changed: Self) -> Self {
        if day == self.day {
            return changed;
        }
        if month_of(day) != month_of(self.day) {
            return self;
        }
        Self {
            month_amount: changed.month_amount,
            month_count: changed.month_count,
            ..self
        }
    }

    /// One more cash top-up of `self.day` at a machine or agent.
    pub(crate) fn with_top_up(self, amount: Amount) -> Self {
        Self {
            agent_top_ups: plus(self.agent_top_ups, amount),
            ..self
        }
    }

    /// A top-up of `day` was reversed.
    pub(crate) fn without_top_up(self, day: Day, amount: Amount) -> Self {
        if day != self.day {
            return self;
        }
        Self {
            agent_top_ups: self.agent_top_ups.saturating_sub(amount),
            ..self
        }
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.u16(self.day.0);
        writer.varint(self.day_amount.minor());
        writer.varint(u64::from(self.day_count));
        writer.varint(self.month_amount.minor());
        writer.varint(u64::from(self.month_count));
        writer.varint(self.agent_top_ups.minor());
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            day: Day(reader.u16("counted day")?),
            day_amount: read_amount(reader, "day amount")?,
            day_count: reader.small("day count")?,
            month_amount: read_amount(reader, "month amount")?,
            month_count: reader.small("month count")?,
            agent_top_ups: read_amount(reader, "day top-ups")?,
        })
    }
}

/// What is too much to tell is over any limit.
fn plus(sum: Amount, amount: Amount) -> Amount {
    sum.checked_add(amount).unwrap_or_else(|_| sum.max(amount))
}

fn month_of(day: Day) -> (u16, u8) {
    let civil = Civil::of_day(day);
    (civil.year, civil.month)
}
