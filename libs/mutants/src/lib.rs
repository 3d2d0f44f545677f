//! Lines that a proof breaks on purpose, to show that its checker sees.
//!
//! The line that keeps an invariant asks [`broken`]. In every normal build the answer is a constant
//! `false` that the compiler takes out; with the feature `on`, which only the simulator asks for, it
//! is what [`breaking`] was told on this thread. Nothing else belongs here.

#![warn(missing_docs)]

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident = $keeps:literal, $text:literal;)*) => {
        /// One broken line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutant { $(#[doc = $text] $name,)* }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, as it is asked for on a command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The invariant that the line keeps.
            #[must_use]
            pub const fn keeps(self) -> &'static str {
                match self { $(Self::$name => $keeps,)* }
            }

            /// What is wrong when it is broken.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The one with this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
            }
        }
    };
}

mutants! {
    RowsNotInState = "STORE-1", "a state does not carry the rows of its last write";
    StateNotTakenOver = "STORE-5", "a state of an earlier owner is not written again before its card works";
    StampWithoutEpoch = "STORE-4", "write stamps leave the epoch out";
    CheckpointNotTakenOver = "STORE-4", "a new owner does not take the checkpoint over under its epoch";
    UnknownTakenAsDone = "STORE-3", "a write of unknown outcome counts as done";
    UnwrittenNotLookedAt = "STORE-6", "a prefetch passes over keys that left the ring and are not written yet";
    RingCompleteByOldest = "STORE-6", "the ring counts as complete when its oldest entry is old";
    KeyRowNotWritten = "STORE-6", "what leaves the ring leaves no key row";
    RemainderNotEvicted = "STORE-6", "a sale leaves the ring with the remainder that it had at first";
    InquiryMovesTime = "CARD-6", "a command that writes nothing moves the card's time";
    DuplicateByOtherCard = "CARD-2", "an old key is looked up on another card";
    ContentNotCompared = "CARD-2", "the same key with other content gets the stored answer";
    EarlyReversalForgotten = "CARD-3", "a reversal that comes first leaves nothing behind";
    RefundOverRemainder = "CARD-4", "a refund may be over what is left of the sale";
    RestoredHoldUncovered = "CARD-4", "a hold is restored although the balance does not cover it";
    HoldNotCounted = "CARD-1", "holds are not taken from the available balance";
    ContextNotRestored = "LOG-5", "a takeover begins without the days that the marks had opened";
    OneMarkOnly = "LOG-5", "a cut forgets which days are frozen";
    ClockBelieved = "LOG-5", "a log clock that leapt ten years is believed";
    TimeRunsBack = "LOG-5", "a card follows the log's clock back";
    LowerOffsetTaken = "LOG-3", "a record that was read before is taken again";
    GapPassed = "LOG-3", "a missing record is passed over";
    NextOffsetKept = "LOG-3", "the next offset is kept over an assignment";
    AppliedDecidedAgain = "LOG-3", "a command that was applied is decided again";
    AppliedNotReleased = "LOG-3", "an applied command is skipped without its release";
    TotalsWithoutAppliedRows = "LEDGER-2", "what an applied command booked is left out of the totals of a takeover";
    TotalsBeforeWatermark = "LEDGER-2", "a decision is counted when released, not when the watermark passes it";
    OffsetBeforeCut = "LEDGER-2", "a checkpoint is made without the cuts that lie before it";
    ItemsNotKept = "LEDGER-2", "a checkpoint is made without the batch items that lie before it";
    ReplyBeforeDurable = "OWN-2", "decisions are released although their write did not come back";
    OffsetPastPending = "OWN-3", "the checkpoint's offset passes commands that are not released";
    CardKeptOverAssignment = "OWN-1", "a card in memory is kept over a revoke";
    SkipNotRead = "OWN-5", "a record that an operator skipped is decided";
    PanicNotCounted = "OWN-5", "a command that crashes its card is tried for ever";
}

#[cfg(feature = "on")]
mod switch {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use super::Mutant;

    thread_local! {
        static BREAKING: Cell<Option<Mutant>> = const { Cell::new(None) };
        static NOTES: RefCell<BTreeMap<Vec<u8>, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
    }

    /// Whether this line is broken now, on this thread.
    #[must_use]
    pub fn broken(mutant: Mutant) -> bool {
        BREAKING.get() == Some(mutant)
    }

    /// Breaks one line on this thread from here on, or none.
    pub fn breaking(mutant: Option<Mutant>) {
        BREAKING.set(mutant);
        NOTES.with_borrow_mut(BTreeMap::clear);
    }

    /// Remembers something that the unbroken line would have forgotten.
    pub fn note(key: &[u8], bytes: &[u8]) {
        NOTES.with_borrow_mut(|notes| notes.insert(key.to_vec(), bytes.to_vec()));
    }

    /// What was remembered under a key since [`breaking`].
    #[must_use]
    pub fn noted(key: &[u8]) -> Option<Vec<u8>> {
        NOTES.with_borrow(|notes| notes.get(key).cloned())
    }
}

#[cfg(feature = "on")]
pub use switch::{breaking, broken, note, noted};

/// Whether this line is broken: never, in this build.
#[cfg(not(feature = "on"))]
#[must_use]
#[inline(always)]
pub const fn broken(_: Mutant) -> bool {
    false
}

/// Remembers nothing, in this build.
#[cfg(not(feature = "on"))]
#[inline(always)]
pub const fn note(_: &[u8], _: &[u8]) {}

/// Nothing was remembered, in this build.
#[cfg(not(feature = "on"))]
#[must_use]
#[inline(always)]
pub const fn noted(_: &[u8]) -> Option<Vec<u8>> {
    None
}
