//! The expiry month of a card.

/// Why bytes are not an expiry month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// Not four ASCII digits.
    #[error("an expiry month is four digits, year then month")]
    NotFourDigits,
    /// `0000`, which some hosts send for "not given".
    #[error("the expiry month is all zeros, treat it as not given")]
    Zeros,
    /// The month is not 01 to 12.
    #[error("the month of an expiry is 01 to 12")]
    MonthRange,
}

/// Expiry month, valid through its last day. Ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expiry {
    year: u16,
    month: u8,
}

impl Expiry {
    /// Takes `YYMM` in ASCII digits, as in data element 14 and track 2; the century is 20.
    ///
    /// # Errors
    /// [`ExpiryError`] when these are not a year and a month.
    pub fn parse(digits: &[u8]) -> Result<Self, ExpiryError> {
        let digits: &[u8; 4] = digits.try_into().map_err(|_| ExpiryError::NotFourDigits)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(ExpiryError::NotFourDigits);
        }
        if digits == b"0000" {
            return Err(ExpiryError::Zeros);
        }
        let [year_tens, year_ones, month_tens, month_ones] = digits.map(|digit| digit - b'0');
        let month = month_tens * 10 + month_ones;
        if !(1..=12).contains(&month) {
            return Err(ExpiryError::MonthRange);
        }
        Ok(Self {
            year: 2000 + u16::from(year_tens * 10 + year_ones),
            month,
        })
    }

    /// Four-digit year.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// Month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// Whether the card's last valid month lies before the given one (four-digit year, month 1-12).
    #[must_use]
    pub fn is_expired_at(self, year: u16, month: u8) -> bool {
        (self.year, self.month) < (year, month)
    }

    /// `YYMM` in ASCII digits.
    #[must_use]
    pub fn to_digits(self) -> [u8; 4] {
        // Below 100, since the year was built from two digits.
        let year = u8::try_from(self.year % 100).unwrap_or(0);
        [year / 10, year % 10, self.month / 10, self.month % 10].map(|digit| b'0' + digit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_valid_through_its_month() {
        let expiry = Expiry::parse(b"2705").unwrap();
        assert_eq!((expiry.year(), expiry.month()), (2027, 5));
        for (year, month, expired) in [
            (2027, 4, false),
            (2027, 5, false),
            (2027, 6, true),
            (2026, 12, false),
            (2028, 1, true),
        ] {
            assert_eq!(expiry.is_expired_at(year, month), expired, "{year}-{month}");
        }
    }

    #[test]
    fn refusals_and_round_trip() {
        for (digits, error) in [
            (&b"270"[..], ExpiryError::NotFourDigits),
            (b"27053", ExpiryError::NotFourDigits),
            (b"27A5", ExpiryError::NotFourDigits),
            (b"0000", ExpiryError::Zeros),
            (b"2700", ExpiryError::MonthRange),
            (b"2713", ExpiryError::MonthRange),
        ] {
            assert_eq!(Expiry::parse(digits), Err(error));
        }
        for digits in [b"2705", b"0001", b"9912"] {
            assert_eq!(&Expiry::parse(digits).unwrap().to_digits(), digits);
        }
    }
}
