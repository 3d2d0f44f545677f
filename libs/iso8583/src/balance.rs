//! Balances as data element 54 writes them.

use crate::packed;

/// Characters of one balance.
pub const BALANCE_SIZE: usize = 20;

/// Most digits an amount has.
const AMOUNT_MAX: u64 = 999_999_999_999;

/// Which balance it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BalanceKind {
    /// 01: booked.
    Ledger,
    /// 02: what may be spent.
    Available,
}

/// One balance of data element 54.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Account type, 0 to 99; terminals show 10.
    pub account_type: u8,
    /// Which balance it is.
    pub kind: BalanceKind,
    /// Numeric currency code, such as 156.
    pub currency: u16,
    /// In minor units of the currency; what the holder owes is negative.
    pub amount: i64,
}

/// Why characters are not balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BalanceError {
    /// Not a multiple of 20 characters.
    #[error("a balance has 20 characters, these are {length}")]
    Length {
        /// Characters found.
        length: usize,
    },
    /// A part that is no number.
    #[error("the {name} of the balance is not a number")]
    NotDigits {
        /// Name of the part.
        name: &'static str,
    },
    /// Another kind than ledger and available.
    #[error("amount type of the balance is neither 01 nor 02")]
    Kind,
    /// Neither `C` nor `D`.
    #[error("sign of the balance is neither C nor D")]
    Sign,
}

impl Balance {
    /// Reads one balance.
    ///
    /// # Errors
    /// [`BalanceError`] names the part that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, BalanceError> {
        let length = text.len();
        let text: &[u8; BALANCE_SIZE] = text
            .try_into()
            .map_err(|_| BalanceError::Length { length })?;
        let [a0, a1, k0, k1, c0, c1, c2, sign, amount @ ..] = text;
        let account_type = number("account type", &[*a0, *a1])?;
        let kind = match [k0, k1] {
            [b'0', b'1'] => BalanceKind::Ledger,
            [b'0', b'2'] => BalanceKind::Available,
            _ => return Err(BalanceError::Kind),
        };
        let currency = number("currency", &[*c0, *c1, *c2])?;
        let amount: i64 = number("amount", amount)?;
        let amount = match sign {
            b'C' => amount,
            b'D' => -amount,
            _ => return Err(BalanceError::Sign),
        };
        Ok(Self {
            account_type,
            kind,
            currency,
            amount,
        })
    }

    /// Reads the balances of a data element one after the other.
    pub fn parse_all(text: &[u8]) -> impl Iterator<Item = Result<Self, BalanceError>> {
        text.chunks(BALANCE_SIZE).map(Self::parse)
    }

    /// Writes it; `None` when a number has more digits than its place.
    #[must_use]
    pub fn to_text(&self) -> Option<[u8; BALANCE_SIZE]> {
        let amount = self.amount.unsigned_abs();
        if self.account_type > 99 || self.currency > 999 || amount > AMOUNT_MAX {
            return None;
        }
        let kind = match self.kind {
            BalanceKind::Ledger => "01",
            BalanceKind::Available => "02",
        };
        let sign = if self.amount < 0 { 'D' } else { 'C' };
        let text = format!(
            "{:02}{kind}{:03}{sign}{amount:012}",
            self.account_type, self.currency
        );
        text.into_bytes().try_into().ok()
    }
}

fn number<T: TryFrom<u64>>(name: &'static str, digits: &[u8]) -> Result<T, BalanceError> {
    packed::ascii_number(digits)
        .and_then(|value| T::try_from(value).ok())
        .ok_or(BalanceError::NotDigits { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances_of_a_reply() {
        let text = b"1001156C0000000926551002156D000000087655";
        let ledger = Balance {
            account_type: 10,
            kind: BalanceKind::Ledger,
            currency: 156,
            amount: 92_655,
        };
        let available = Balance {
            kind: BalanceKind::Available,
            amount: -87_655,
            ..ledger
        };
        let parsed: Result<Vec<_>, _> = Balance::parse_all(text).collect();
        assert_eq!(parsed, Ok(vec![ledger, available]));
        let written = [ledger.to_text().unwrap(), available.to_text().unwrap()].concat();
        assert_eq!(written, text);
    }

    #[test]
    fn refusals_name_the_part() {
        for (text, error) in [
            ("1001156C00000009265", BalanceError::Length { length: 19 }),
            (
                "1X01156C000000092655",
                BalanceError::NotDigits {
                    name: "account type",
                },
            ),
            ("1003156C000000092655", BalanceError::Kind),
            (
                "10011 6C000000092655",
                BalanceError::NotDigits { name: "currency" },
            ),
            ("1001156E000000092655", BalanceError::Sign),
            (
                "1001156C00000009265-",
                BalanceError::NotDigits { name: "amount" },
            ),
        ] {
            assert_eq!(Balance::parse(text.as_bytes()), Err(error));
        }
        let kind = BalanceKind::Ledger;
        let too_large = Balance {
            account_type: 10,
            kind,
            currency: 156,
            amount: 1_000_000_000_000,
        };
        assert_eq!(too_large.to_text(), None);
    }
}
