//! Money as integers with a currency.
//!
//! An [`Amount`] is a count of minor units (fen for CNY). There is no `+` and no float: every sum
//! is checked, and an overflow is an error, never a wrap. Knows nothing of cards or ledgers.

#![warn(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

use std::fmt;

/// The largest amount of minor units that one value may carry: what twelve digits of DE4 can say.
pub const AMOUNT_MAX: u64 = 999_999_999_999;

/// Why an amount could not be made or summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The value is over [`AMOUNT_MAX`] or the sum left the range of the type.
    #[error("amount is over 999,999,999,999 minor units")]
    Overflow,
    /// The difference would be below zero.
    #[error("amount would be negative")]
    Negative,
}

/// A currency by its ISO 4217 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u16);

impl Currency {
    /// The Chinese yuan, the only currency of a prepaid card here (no other may be loaded or spent).
    pub const CNY: Self = Self(156);

    /// Makes a currency from its ISO 4217 number.
    #[must_use]
    pub const fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// The ISO 4217 number, 156 for CNY.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// A non-negative amount in minor units of one currency that the context fixes (CNY: fen).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Makes an amount of `minor` units.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when `minor` is over [`AMOUNT_MAX`].
    pub const fn from_minor(minor: u64) -> Result<Self, MoneyError> {
        if minor > AMOUNT_MAX {
            Err(MoneyError::Overflow)
        } else {
            Ok(Self(minor))
        }
    }

    /// The count of minor units.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0
    }

    /// Whether the amount is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Adds.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when the sum is over [`AMOUNT_MAX`].
    pub const fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        match self.0.checked_add(other.0) {
            Some(sum) => Self::from_minor(sum),
            None => Err(MoneyError::Overflow),
        }
    }

    /// Subtracts.
    ///
    /// # Errors
    /// [`MoneyError::Negative`] when `other` is the larger one.
    pub const fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Ok(Self(rest)),
            None => Err(MoneyError::Negative),
        }
    }

    /// Subtracts, nothing when `other` is the larger one.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The smaller of two.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if self.0 <= other.0 { self } else { other }
    }

    /// `self * numerator / denominator`, rounded half up to the minor unit.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when the result is over [`AMOUNT_MAX`] or `denominator` is zero.
    pub fn scaled_half_up(self, numerator: u64, denominator: u64) -> Result<Self, MoneyError> {
        let product = u128::from(self.0)
            .checked_mul(u128::from(numerator))
            .ok_or(MoneyError::Overflow)?;
        let twice = product.checked_mul(2).ok_or(MoneyError::Overflow)?;
        let shifted = twice
            .checked_add(u128::from(denominator))
            .ok_or(MoneyError::Overflow)?;
        let divisor = u128::from(denominator)
            .checked_mul(2)
            .ok_or(MoneyError::Overflow)?;
        let rounded = shifted.checked_div(divisor).ok_or(MoneyError::Overflow)?;
        Self::from_minor(u64::try_from(rounded).map_err(|_| MoneyError::Overflow)?)
    }
}

impl fmt::Display for Amount {
    /// Writes major units with two decimals, `123.45`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = (self.0.wrapping_div(100), self.0.wrapping_rem(100));
        f.pad(&format!("{major}.{minor:02}"))
    }
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    reason = "the values of these tests are small"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fen(minor: u64) -> Amount {
        Amount::from_minor(minor).unwrap()
    }

    #[test]
    fn sums_and_differences_are_checked() {
        assert_eq!(fen(100).checked_add(fen(23)), Ok(fen(123)));
        assert_eq!(
            fen(AMOUNT_MAX).checked_add(fen(1)),
            Err(MoneyError::Overflow)
        );
        assert_eq!(fen(1).checked_sub(fen(2)), Err(MoneyError::Negative));
        assert_eq!(
            Amount::from_minor(AMOUNT_MAX + 1),
            Err(MoneyError::Overflow)
        );
    }

    #[test]
    fn rounds_half_up_as_the_fee_of_the_worked_ledger_does() {
        // 0.6 % of 123.45 is 0.7407, of 488.00 is 2.928, of 3.33 is 0.01998.
        assert_eq!(fen(12_345).scaled_half_up(6_000, 1_000_000), Ok(fen(74)));
        assert_eq!(fen(48_800).scaled_half_up(6_000, 1_000_000), Ok(fen(293)));
        assert_eq!(fen(1).scaled_half_up(1, 2), Ok(fen(1)));
        assert_eq!(fen(1).scaled_half_up(1, 0), Err(MoneyError::Overflow));
    }

    #[test]
    fn prints_yuan() {
        assert_eq!(fen(12_345).to_string(), "123.45");
        assert_eq!(format!("{:>8}", fen(5)), "    0.05");
    }

    proptest! {
        #[test]
        fn scaling_is_within_half_a_unit(minor in 0..=AMOUNT_MAX, n in 0u64..1_000_000) {
            let scaled = u128::from(fen(minor).scaled_half_up(n, 1_000_000).unwrap().minor());
            let exact = u128::from(minor) * u128::from(n);
            prop_assert!(scaled * 1_000_000 <= exact + 500_000);
            prop_assert!(scaled * 1_000_000 + 500_000 > exact);
        }
    }
}
