//! What a card decided: the outcome, the reply, and what is to be written.

use smallvec::SmallVec;

use crate::card::{Hold, Loss, Uncleared};
use crate::counters::Counters;
use crate::entry::{Entry, Kind, Step};
use crate::ids::{LegKey, Position, Timestamp, Version};
use crate::outcome::{Outcome, Reply};
use crate::programme::CardKind;
use crate::row::Row;
use ledger::Entry as LedgerEntry;
use money::Amount;

/// What one command led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What it was about.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// What goes back.
    pub reply: Reply,
    /// What is to be written; none for inquiries and duplicates, which leave the card as it was,
    /// byte for byte (CARD-6).
    pub written: Option<Box<Written>>,
}

/// The lasting part of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The card's kind, for the first decision of a card.
    pub(crate) card_kind: CardKind,
    /// The new version.
    pub version: Version,
    /// The record that asked.
    pub position: Position,
    /// The card's time.
    pub now: Timestamp,
    /// What becomes of the state, in this order.
    pub(crate) changes: SmallVec<[Change; 5]>,
    /// The journal row.
    pub row: Row,
    /// The row's canonical bytes.
    pub row_bytes: Vec<u8>,
    /// The hash of those bytes, the head of the card's chain.
    pub hash: [u8; 32],
}

impl Written {
    /// The money that moved.
    #[must_use]
    pub const fn ledger_entry(&self) -> Option<&LedgerEntry> {
        self.row.ledger.as_ref()
    }
}

/// What a sale comes to after an adjustment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Adjustment {
    pub(crate) settled: Amount,
    pub(crate) fee: Amount,
    pub(crate) short: Amount,
}

/// One change of a card's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// More is booked.
    Credit(Amount),
    /// Less is booked.
    Debit(Amount),
    /// A hold is placed, or comes back.
    PlaceHold(Hold),
    /// A hold is released or captured.
    RemoveHold(Version),
    /// A void's credit waits to clear.
    AddUncleared(Uncleared),
    /// A void was reversed; its credit is gone.
    RemoveUncleared(Version),
    /// A transaction enters the ring.
    Remember(Entry),
    /// A transaction stands elsewhere now.
    SetStep(Version, Step),
    /// Less of a transaction can be refunded.
    SetRemainder(Version, Amount),
    /// The late original of an early reversal came and was refused.
    MeetTombstone(LegKey, Entry),
    /// The card came on the books.
    SetIssued(Timestamp),
    /// The card was reported lost, or found.
    SetLoss(Option<Loss>),
    /// A transaction of this key stands elsewhere now.
    SetStepOfKey(LegKey, Step),
    /// A sale has another total.
    Adjust(Version, Adjustment),
    /// More or less was spent in the day and month.
    SetCounters(Counters),
    /// Another medium is the card's own.
    SetMedium(u8),
}
