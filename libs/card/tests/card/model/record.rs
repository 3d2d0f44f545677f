//! What the reference knows of one request: how it was asked, and where it stands.

const FEE_PPM: i64 = 6_000;

/// Identity of a request at its terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) merchant: &'static str,
    pub(crate) terminal: &'static str,
    pub(crate) trace: String,
}

/// How a request points at an earlier one: by key, by the number of its record, by approval code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Original {
    pub(crate) key: Option<Key>,
    pub(crate) rrn: Option<usize>,
    pub(crate) code: Option<usize>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) verb: &'static str,
    pub(crate) fen: i64,
    pub(crate) key: Key,
    pub(crate) original: Original,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Approved,
    Declined,
    Replayed,
    Clash,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    InForce,
    Voided,
    Reversed,
    Captured,
    Refused,
    /// In force with another total.
    Adjusted,
}

/// Something that was asked and answered.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) asked: Question,
    pub(crate) state: State,
    pub(crate) at: i64,
    pub(crate) day: i64,
    /// What it acts on.
    pub(crate) on: Option<usize>,
    /// Of a capture: what suspense paid. Of a hold, or its void: what is or was held.
    pub(crate) part: i64,
    /// What a capture comes to after adjustments.
    pub(crate) settled: i64,
    /// Whether it brought cash on the card.
    pub(crate) credited: bool,
    /// A refused top-up that was confirmed since.
    pub(crate) confirmed: bool,
    pub(crate) refunded: i64,
    pub(crate) last_refunds: Vec<(i64, i64)>,
}

impl Record {
    /// A debit that is in force.
    pub(crate) fn is_capture(&self) -> bool {
        matches!(
            self.asked.verb,
            "purchase" | "complete" | "advise" | "settle"
        ) && matches!(self.state, State::InForce | State::Adjusted)
    }

    pub(crate) fn amount_left(&self) -> i64 {
        self.settled - self.refunded
    }

    /// What of the fee stays: rounded on the whole, and on all that went back.
    pub(crate) fn fee_left(&self) -> i64 {
        let half_up = |value: i64, over: i64| (2 * value + over) / (2 * over);
        let fee = half_up(self.settled * FEE_PPM, 1_000_000);
        fee - half_up(fee * self.refunded, self.settled)
    }

    /// Suspense gets its part back before the card does.
    pub(crate) fn short_left(&self) -> i64 {
        (self.part_if_capture() - self.refunded).max(0)
    }

    pub(crate) fn part_if_capture(&self) -> i64 {
        if self.is_capture() { self.part } else { 0 }
    }
}
