//! The primary account number.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::luhn::luhn_check_digit;

/// Fewest digits of a PAN.
pub const PAN_LENGTH_MIN: usize = 13;
/// Most digits of a PAN, which is also what data element 2 can carry.
pub const PAN_LENGTH_MAX: usize = 19;

/// Why bytes are not a card number. Carries no digit of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PanError {
    /// Too few or too many digits.
    #[error("a card number has 13 to 19 digits, this one has {length}")]
    Length {
        /// Digits found.
        length: usize,
    },
    /// A byte that is no ASCII digit.
    #[error("a card number has digits only, byte {index} is not one")]
    NotDigit {
        /// Where, from 0.
        index: usize,
    },
    /// The last digit does not follow from the others.
    #[error("the check digit of the card number is wrong, read the card again")]
    CheckDigit,
    /// A BIN and serial number that don't fit in the wanted length.
    #[error("the serial number does not fit between the bin and the check digit")]
    SerialTooLong,
}

/// A card number: 13 to 19 ASCII digits, in memory only for as long as it is needed.
///
/// Comparison takes the same time wherever two numbers differ.
#[derive(Clone)]
pub struct Pan {
    digits: [u8; PAN_LENGTH_MAX],
    length: u8,
}

impl Pan {
    /// Takes ASCII digits with a correct check digit.
    ///
    /// # Errors
    /// [`PanError`] when the length, a byte or the check digit is wrong.
    pub fn parse(digits: &[u8]) -> Result<Self, PanError> {
        let pan = Self::parse_without_check_digit(digits)?;
        let (check_digit, rest) = digits.split_last().ok_or(PanError::Length { length: 0 })?;
        if luhn_check_digit(rest) != Some(*check_digit) {
            return Err(PanError::CheckDigit);
        }
        Ok(pan)
    }

    /// Takes ASCII digits of a programme whose cards have no check digit.
    ///
    /// # Errors
    /// [`PanError`] when the length or a byte is wrong.
    pub fn parse_without_check_digit(digits: &[u8]) -> Result<Self, PanError> {
        let length = digits.len();
        if !(PAN_LENGTH_MIN..=PAN_LENGTH_MAX).contains(&length) {
            return Err(PanError::Length { length });
        }
        if let Some(index) = digits.iter().position(|byte| !byte.is_ascii_digit()) {
            return Err(PanError::NotDigit { index });
        }
        let mut pan = Self {
            digits: [0; PAN_LENGTH_MAX],
            length: 0,
        };
        for (slot, digit) in pan.digits.iter_mut().zip(digits) {
            *slot = *digit;
            pan.length += 1;
        }
        Ok(pan)
    }

    /// Builds a card number for tests and card issue: BIN, zero-padded serial number, check digit.
    ///
    /// # Errors
    /// [`PanError::SerialTooLong`] when BIN and serial number leave no room for the check digit in
    /// `length` digits, and the errors of [`Pan::parse`].
    pub fn from_bin_and_serial(bin: &str, serial: u64, length: usize) -> Result<Self, PanError> {
        let serial_width = length
            .checked_sub(bin.len() + 1)
            .ok_or(PanError::Length { length })?;
        let mut digits = format!("{bin}{serial:0serial_width$}").into_bytes();
        if digits.len() + 1 != length {
            digits.zeroize();
            return Err(PanError::SerialTooLong);
        }
        // A byte that is no digit is reported with its place by `parse`.
        digits.push(luhn_check_digit(&digits).unwrap_or(b'0'));
        let pan = Self::parse(&digits);
        digits.zeroize();
        pan
    }

    /// The digits. The only way to get at all of them.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.slice(0, usize::from(self.length))
    }

    /// The first six digits: what routing and fee tables may see.
    #[must_use]
    pub fn bin6(&self) -> &str {
        self.slice(0, 6)
    }

    /// The last four digits: what a receipt and an operator may see.
    #[must_use]
    pub fn last_four(&self) -> &str {
        let length = usize::from(self.length);
        self.slice(length - 4, length)
    }

    /// First six, stars, last four, in the length of the number: the form printed on receipts.
    #[must_use]
    pub fn masked(&self) -> String {
        let stars = "*".repeat(usize::from(self.length) - 10);
        format!("{}{stars}{}", self.bin6(), self.last_four())
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        let digits = self.digits.get(start..end).unwrap_or_default();
        // Both constructors let ASCII digits only in.
        str::from_utf8(digits).expect("a card number is ASCII")
    }
}

impl PartialEq for Pan {
    fn eq(&self, other: &Self) -> bool {
        (self.digits.ct_eq(&other.digits) & self.length.ct_eq(&other.length)).into()
    }
}

impl Eq for Pan {}

impl fmt::Debug for Pan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The mask has a constant length, so that the length of the number stays unknown too.
        write!(formatter, "Pan(************{})", self.last_four())
    }
}

impl Drop for Pan {
    fn drop(&mut self) {
        self.digits.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_what_is_wrong() {
        for (digits, error) in [
            ("", PanError::Length { length: 0 }),
            ("629999010000", PanError::Length { length: 12 }),
            ("62999901000012381238", PanError::Length { length: 20 }),
            ("62999901A0001238", PanError::NotDigit { index: 8 }),
            ("6299990100001239", PanError::CheckDigit),
        ] {
            assert_eq!(Pan::parse(digits.as_bytes()), Err(error));
        }
        assert!(Pan::parse_without_check_digit(b"6299990100001239").is_ok());
    }

    #[test]
    fn debug_shows_the_last_four_only() {
        for digits in ["6299990100001238", "6299990200000004564"] {
            let pan = Pan::parse(digits.as_bytes()).unwrap();
            let last_four = &digits[digits.len() - 4..];
            assert_eq!(format!("{pan:?}"), format!("Pan(************{last_four})"));
        }
    }

    #[test]
    fn parts_and_receipt_form() {
        let pan = Pan::parse(b"6299990200000004564").unwrap();
        assert_eq!(pan.expose(), "6299990200000004564");
        assert_eq!(pan.bin6(), "629999");
        assert_eq!(pan.last_four(), "4564");
        assert_eq!(pan.masked(), "629999*********4564");
        assert_eq!(
            Pan::parse(b"6299990100001238").unwrap().masked(),
            "629999******1238"
        );
    }

    #[test]
    fn equality_is_of_digits_and_length() {
        let pan = Pan::parse(b"6299990100001238").unwrap();
        assert_eq!(pan, pan.clone());
        assert_ne!(pan, Pan::parse(b"6299990300007894").unwrap());
        assert_ne!(
            Pan::parse_without_check_digit(b"6299990100001").unwrap(),
            Pan::parse_without_check_digit(b"62999901000010").unwrap()
        );
    }

    #[test]
    fn numbers_are_built_from_bin_and_serial() {
        let pan = Pan::from_bin_and_serial("629999", 10_000_123, 16).unwrap();
        assert_eq!(pan.expose(), "6299990100001238");
        for serial in [0, 1, 9, 10, 999_999_999_999] {
            let pan = Pan::from_bin_and_serial("629999", serial, 19).unwrap();
            assert_eq!(pan.expose().len(), 19);
            assert!(Pan::parse(pan.expose().as_bytes()).is_ok());
        }
        let too_long = Pan::from_bin_and_serial("629999", 1_000_000_000_000, 19);
        assert_eq!(too_long, Err(PanError::SerialTooLong));
        let not_digits = Pan::from_bin_and_serial("62999X", 1, 16);
        assert_eq!(not_digits, Err(PanError::NotDigit { index: 5 }));
        assert_eq!(
            Pan::from_bin_and_serial("629999", 1, 6),
            Err(PanError::Length { length: 6 })
        );
        assert_eq!(
            Pan::from_bin_and_serial("629999", 1, 21),
            Err(PanError::Length { length: 21 })
        );
    }
}
