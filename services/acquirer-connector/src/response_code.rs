//! Outcomes as response codes (data element 39) of the terminal dialect.

use card::{DeclineReason, Outcome};

/// A response code, two characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResponseCode([u8; 2]);

impl ResponseCode {
    /// Done as asked.
    pub const APPROVED: Self = Self(*b"00");
    /// The merchant is unknown, or the terminal is not one of its own.
    pub const INVALID_MERCHANT: Self = Self(*b"03");
    /// The original is not one that this can be done to.
    pub const ORIGINAL_INVALID: Self = Self(*b"12");
    /// No such card, or not the card of the original.
    pub const NO_SUCH_CARD: Self = Self(*b"14");
    /// A data element is missing or has the wrong form.
    pub const FORMAT_ERROR: Self = Self(*b"30");
    /// The switch does not offer it.
    pub const NOT_SUPPORTED: Self = Self(*b"40");
    /// Not allowed for such a card.
    pub const NOT_PERMITTED: Self = Self(*b"57");
    /// The terminal's batch is not the one that it signed on with: sign on again.
    pub const OTHER_BATCH: Self = Self(*b"77");
    /// The items of a batch are not all here: upload them again.
    pub const UPLOAD_AGAIN: Self = Self(*b"79");
    /// The same key with other content.
    pub const DUPLICATE: Self = Self(*b"94");
    /// There is no such day to reconcile.
    pub const NOTHING_TO_RECONCILE: Self = Self(*b"95");
    /// Certainly not done; the sender may try again.
    pub const SYSTEM_MALFUNCTION: Self = Self(*b"96");
    /// The terminal is unknown or must sign on first.
    pub const UNKNOWN_TERMINAL: Self = Self(*b"97");
    /// The institution must sign on first.
    pub const ACQUIRER_SIGNED_OFF: Self = Self(*b"C1");

    /// The two characters.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 2] {
        &self.0
    }

    /// The two characters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Every constructor is in this file and takes ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether it says that the request was done.
    #[must_use]
    pub const fn is_approval(&self) -> bool {
        matches!(&self.0, b"00" | b"A4" | b"A5")
    }

    /// As terminals are told it: they do not know how institutions accept with a reservation.
    #[must_use]
    pub const fn for_terminals(self) -> Self {
        if self.is_approval() {
            Self::APPROVED
        } else {
            self
        }
    }

    /// What the sender is told of an outcome.
    #[must_use]
    pub const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Approved => Self::APPROVED,
            Outcome::AcceptedUnseen => Self(*b"A4"),
            Outcome::AcceptedAfterRefusal => Self(*b"A5"),
            Outcome::Declined(reason) => Self::of_decline(reason),
        }
    }

    /// No `_`: a new reason must choose its code.
    const fn of_decline(reason: DeclineReason) -> Self {
        match reason {
            DeclineReason::OriginalInvalid => Self::ORIGINAL_INVALID,
            DeclineReason::InvalidAmount => Self(*b"13"),
            DeclineReason::UnknownCard => Self::NO_SUCH_CARD,
            DeclineReason::ReversedFirst | DeclineReason::OriginalOutOfOrder => Self(*b"22"),
            DeclineReason::OriginalNotFound => Self(*b"25"),
            DeclineReason::WrongCryptogram => Self(*b"34"),
            DeclineReason::NotSupported => Self::NOT_SUPPORTED,
            DeclineReason::LostCard => Self(*b"41"),
            DeclineReason::InsufficientFunds => Self(*b"51"),
            DeclineReason::ExpiredCard => Self(*b"54"),
            DeclineReason::WrongPin => Self(*b"55"),
            DeclineReason::NotAcceptedHere
            | DeclineReason::NotPermitted
            | DeclineReason::CategoryBlocked
            | DeclineReason::ChannelBlocked
            | DeclineReason::CreditCardSource => Self(*b"57"),
            DeclineReason::TerminalMismatch => Self(*b"58"),
            DeclineReason::OverLimit => Self(*b"61"),
            DeclineReason::AmountMismatch => Self(*b"64"),
            DeclineReason::TooManyHolds | DeclineReason::OverCount => Self(*b"65"),
            DeclineReason::Duplicate | DeclineReason::AlreadyIssued => Self::DUPLICATE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table again, by the numbers that are stored, so that a slip shows.
    #[test]
    fn code_of_each_outcome() {
        let codes = [
            "00", "94", "22", "14", "94", "41", "54", "57", "57", "40", "13", "51", "61", "25",
            "12", "22", "64", "58", "55", "65", "34", "65", "57", "57", "57",
        ];
        assert_eq!(codes.len(), DeclineReason::ALL.len() + 1);
        for (number, code) in (0..).zip(codes) {
            let outcome = Outcome::from_number(number).unwrap();
            assert_eq!(ResponseCode::of(outcome).as_str(), code, "{outcome:?}");
        }
    }
}
