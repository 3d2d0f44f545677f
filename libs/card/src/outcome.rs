//! What a card answers, without wire codes: the edge's table turns it into DE39.

use crate::command::ReplyTo;
use crate::ids::{Day, Position, Timestamp, Version};
use money::Amount;

/// How a command ended. The wire code is the link's business (`acquirer-connector`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Outcome {
    /// Done as asked.
    #[default]
    Approved,
    /// A confirmed top-up was credited whose request never came here.
    AcceptedUnseen,
    /// A confirmed top-up was credited whose request had been refused.
    AcceptedAfterRefusal,
    /// Refused, with the first reason that applies.
    Declined(DeclineReason),
}

macro_rules! decline_reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why a card refuses. The numbers are stored: only ever add.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DeclineReason { $($(#[$doc])* $name = $number,)* }

        impl DeclineReason {
            /// All reasons, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// A few words for people.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

decline_reasons! {
    /// The same key came before with other content (CARD-2).
    Duplicate = 1, "same key with other content";
    /// Its reversal came first (CARD-3).
    ReversedFirst = 2, "its reversal came first";
    /// No card with this id is on the books.
    UnknownCard = 3, "no such card";
    /// The card is already on the books.
    AlreadyIssued = 4, "card is already issued";
    /// The holder reported it lost.
    LostCard = 5, "card is reported lost";
    /// The card or the medium is past its validity.
    ExpiredCard = 6, "card has expired";
    /// The merchant is outside the programme's acceptance.
    NotAcceptedHere = 7, "card is not good at this merchant";
    /// The programme does not offer this.
    NotPermitted = 8, "programme does not permit it";
    /// The card kind has no such function.
    NotSupported = 9, "function is not supported for this card";
    /// The amount is zero or out of range.
    InvalidAmount = 10, "amount is not valid";
    /// The available balance does not cover it (CARD-1).
    InsufficientFunds = 11, "available balance does not cover it";
    /// The balance cap or the hold's ratio does not allow it.
    OverLimit = 12, "amount is over the limit";
    /// Nothing matches the reference.
    OriginalNotFound = 13, "original not found";
    /// The original was declined, or belongs to another day or batch.
    OriginalInvalid = 14, "original was declined or is of another day";
    /// The original is past this step: already voided, reversed, completed, refunded or too old.
    OriginalOutOfOrder = 15, "original is past this step";
    /// The amount differs from the original's, or is over what is left of it.
    AmountMismatch = 16, "amount differs from the original or is over its remainder";
    /// Another terminal made the original.
    TerminalMismatch = 17, "original was made at another terminal";
    /// The PIN was wrong.
    WrongPin = 18, "wrong PIN";
    /// Too many open holds.
    TooManyHolds = 19, "too many open holds";
    /// The chip's cryptogram was wrong.
    WrongCryptogram = 20, "chip cryptogram is wrong";
    /// The programme allows no more transactions in this day or month.
    OverCount = 21, "too many transactions in the day or month";
    /// The programme does not allow this kind of merchant.
    CategoryBlocked = 22, "programme does not allow this merchant category";
    /// The programme or the law does not allow it to be asked in this way.
    ChannelBlocked = 23, "programme does not allow this channel";
    /// A credit card should pay for it.
    CreditCardSource = 24, "prepaid cards are not bought with credit cards";
}

/// The stored number of [`Outcome::AcceptedUnseen`]; reasons stay below it.
const ACCEPTED_UNSEEN: u8 = 240;
/// The stored number of [`Outcome::AcceptedAfterRefusal`].
const ACCEPTED_AFTER_REFUSAL: u8 = 241;
const _: () = assert!(DeclineReason::ALL.len() < ACCEPTED_UNSEEN as usize);

impl Outcome {
    /// The stored number: 0 approved, 240 and 241 accepted with a defect, else the reason's.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Approved => 0,
            Self::AcceptedUnseen => ACCEPTED_UNSEEN,
            Self::AcceptedAfterRefusal => ACCEPTED_AFTER_REFUSAL,
            Self::Declined(reason) => reason as u8,
        }
    }

    /// Reads a stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Approved),
            ACCEPTED_UNSEEN => Some(Self::AcceptedUnseen),
            ACCEPTED_AFTER_REFUSAL => Some(Self::AcceptedAfterRefusal),
            _ => {
                let index = usize::from(number.checked_sub(1)?);
                DeclineReason::ALL.get(index).copied().map(Self::Declined)
            }
        }
    }

    /// Whether it was done, with or without a defect.
    #[must_use]
    pub const fn is_approved(self) -> bool {
        match self {
            Self::Approved | Self::AcceptedUnseen | Self::AcceptedAfterRefusal => true,
            Self::Declined(_) => false,
        }
    }
}

/// What goes back to the exchange that asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Who waits.
    pub reply_to: ReplyTo,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether this is the stored answer of an earlier, equal request.
    pub replayed: bool,
    /// The amount that the answer is about, when there is one.
    pub amount: Option<Amount>,
    /// The available balance, told to inquiries only.
    pub available: Option<Amount>,
    /// Names the decision: the approval code is this version in base 36. None for inquiries.
    pub version: Option<Version>,
    /// Names the record: the RRN is this position in base 36.
    pub position: Position,
    /// When it was decided, by the log's clock.
    pub decided_at: Timestamp,
    /// The settlement day that it counts for.
    pub day: Day,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_numbers_have_no_gap_and_read_back() {
        for (index, reason) in DeclineReason::ALL.iter().enumerate() {
            let outcome = Outcome::Declined(*reason);
            assert_eq!(usize::from(outcome.number()), index + 1, "{reason:?}");
            assert_eq!(Outcome::from_number(outcome.number()), Some(outcome));
        }
        assert_eq!(Outcome::from_number(0), Some(Outcome::Approved));
        for outcome in [Outcome::AcceptedUnseen, Outcome::AcceptedAfterRefusal] {
            assert_eq!(Outcome::from_number(outcome.number()), Some(outcome));
            assert!(outcome.is_approved());
        }
        assert_eq!(Outcome::from_number(200), None);
    }
}
