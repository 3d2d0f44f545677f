//! Sub-fields of data elements 60 and 61 of the terminal dialect.
//!
//! Terminals leave out trailing sub-fields; which ones differs by message. The dialect between
//! institutions has another order and other meanings: these structs are not for it.

use crate::digits::Digits;
use crate::packed;

/// Why digits are not the sub-fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubFieldError {
    /// The digits end within a sub-field.
    #[error("{name} is cut short")]
    Short {
        /// Name of the sub-field.
        name: &'static str,
    },
    /// A character that is no digit.
    #[error("{name} is not a number")]
    NotDigits {
        /// Name of the sub-field.
        name: &'static str,
    },
    /// Digits after the last sub-field.
    #[error("{count} digits after the last sub-field")]
    Trailing {
        /// How many.
        count: usize,
    },
}

/// Data element 60 of the terminal dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PosF60 {
    /// 60.1, two digits: kind of transaction.
    pub transaction_type: u8,
    /// 60.2, six digits: batch of the terminal.
    pub batch: u32,
    /// 60.3, three digits: network management, 000 for money.
    pub network_code: u16,
    /// 60.4, one digit: what the terminal's reader can read.
    pub reader: Option<u8>,
    /// 60.5, one digit: how the last chip was read.
    pub chip_condition: Option<u8>,
    /// 60.6, one digit: 1 takes approval of a part.
    pub part_approval: Option<u8>,
    /// 60.7, three digits.
    pub account_type: Option<u16>,
}

impl PosF60 {
    /// Reads ASCII digits, as [`crate::Message::digits`] gives them.
    ///
    /// # Errors
    /// [`SubFieldError`] when a sub-field is cut short or digits are left over.
    pub fn parse(digits: &[u8]) -> Result<Self, SubFieldError> {
        let mut rest = SubFields { rest: digits };
        let parsed = Self {
            transaction_type: rest.required("transaction type", 2)?,
            batch: rest.required("batch", 6)?,
            network_code: rest.required("network code", 3)?,
            reader: rest.optional("reader", 1)?,
            chip_condition: rest.optional("chip condition", 1)?,
            part_approval: rest.optional("part approval", 1)?,
            account_type: rest.optional("account type", 3)?,
        };
        rest.finish()?;
        Ok(parsed)
    }

    /// Writes ASCII digits up to the first sub-field that is not given.
    ///
    /// `None` when a number has more digits than its sub-field.
    #[must_use]
    pub fn to_digits(&self) -> Option<Digits> {
        join(&[
            (Some(u64::from(self.transaction_type)), 2),
            (Some(u64::from(self.batch)), 6),
            (Some(u64::from(self.network_code)), 3),
            (self.reader.map(u64::from), 1),
            (self.chip_condition.map(u64::from), 1),
            (self.part_approval.map(u64::from), 1),
            (self.account_type.map(u64::from), 3),
        ])
    }
}

/// Data element 61 of the terminal dialect: which transaction a void, completion, refund or
/// reversal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PosF61 {
    /// 61.1, six digits: its batch.
    pub batch: u32,
    /// 61.2, six digits: its system trace audit number.
    pub trace: u32,
    /// 61.3, four digits: its local date, as month times 100 plus day.
    pub date: Option<u16>,
    /// 61.4, two digits: how it was authorised.
    pub authorization_mode: Option<u8>,
    /// 61.5, eleven digits: who authorised it.
    pub authorizing_institution: Option<u64>,
}

impl PosF61 {
    /// Reads ASCII digits, as [`crate::Message::digits`] gives them.
    ///
    /// # Errors
    /// [`SubFieldError`] when a sub-field is cut short or digits are left over.
    pub fn parse(digits: &[u8]) -> Result<Self, SubFieldError> {
        let mut rest = SubFields { rest: digits };
        let parsed = Self {
            batch: rest.required("original batch", 6)?,
            trace: rest.required("original trace", 6)?,
            date: rest.optional("original date", 4)?,
            authorization_mode: rest.optional("authorization mode", 2)?,
            authorizing_institution: rest.optional("authorizing institution", 11)?,
        };
        rest.finish()?;
        Ok(parsed)
    }

    /// Writes ASCII digits up to the first sub-field that is not given.
    ///
    /// `None` when a number has more digits than its sub-field.
    #[must_use]
    pub fn to_digits(&self) -> Option<Digits> {
        join(&[
            (Some(u64::from(self.batch)), 6),
            (Some(u64::from(self.trace)), 6),
            (self.date.map(u64::from), 4),
            (self.authorization_mode.map(u64::from), 2),
            (self.authorizing_institution, 11),
        ])
    }
}

/// Digits of which sub-fields are cut one after the other.
struct SubFields<'d> {
    rest: &'d [u8],
}

impl SubFields<'_> {
    fn required<T: TryFrom<u64>>(
        &mut self,
        name: &'static str,
        width: usize,
    ) -> Result<T, SubFieldError> {
        let (digits, rest) = self
            .rest
            .split_at_checked(width)
            .ok_or(SubFieldError::Short { name })?;
        self.rest = rest;
        let value = packed::ascii_number(digits).ok_or(SubFieldError::NotDigits { name })?;
        // A sub-field's type holds all numbers of its width.
        T::try_from(value).map_err(|_| SubFieldError::NotDigits { name })
    }

    fn optional<T: TryFrom<u64>>(
        &mut self,
        name: &'static str,
        width: usize,
    ) -> Result<Option<T>, SubFieldError> {
        if self.rest.is_empty() {
            Ok(None)
        } else {
            self.required(name, width).map(Some)
        }
    }

    fn finish(&self) -> Result<(), SubFieldError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(SubFieldError::Trailing { count }),
        }
    }
}

/// Writes numbers in their widths up to the first that is not given.
fn join(sub_fields: &[(Option<u64>, u32)]) -> Option<Digits> {
    let mut text = String::new();
    for (value, width) in sub_fields {
        let Some(value) = value else { break };
        if *value >= 10_u64.pow(*width) {
            return None;
        }
        let width = usize::try_from(*width).ok()?;
        text.push_str(&format!("{value:0width$}"));
    }
    Digits::copy_of(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f60_in_the_lengths_that_terminals_send() {
        let shortest = PosF60 {
            transaction_type: 0,
            batch: 1,
            network_code: 301,
            reader: None,
            chip_condition: None,
            part_approval: None,
            account_type: None,
        };
        let purchase = PosF60 {
            transaction_type: 22,
            network_code: 0,
            reader: Some(2),
            ..shortest
        };
        let with_chip = PosF60 {
            chip_condition: Some(0),
            ..purchase
        };
        let longest = PosF60 {
            part_approval: Some(1),
            account_type: Some(10),
            ..with_chip
        };
        for (digits, expected) in [
            ("00000001301", shortest),
            ("220000010002", purchase),
            ("2200000100020", with_chip),
            ("22000001000201010", longest),
        ] {
            assert_eq!(PosF60::parse(digits.as_bytes()), Ok(expected));
            assert_eq!(expected.to_digits().unwrap().as_str(), digits);
        }
    }

    #[test]
    fn f61_in_the_lengths_that_terminals_send() {
        let shortest = PosF61 {
            batch: 1,
            trace: 3,
            date: None,
            authorization_mode: None,
            authorizing_institution: None,
        };
        let dated = PosF61 {
            date: Some(511),
            ..shortest
        };
        let longest = PosF61 {
            authorization_mode: Some(1),
            authorizing_institution: Some(69_990_001),
            ..dated
        };
        for (digits, expected) in [
            ("000001000003", shortest),
            ("0000010000030511", dated),
            ("00000100000305110100069990001", longest),
        ] {
            assert_eq!(PosF61::parse(digits.as_bytes()), Ok(expected));
            assert_eq!(expected.to_digits().unwrap().as_str(), digits);
        }
    }

    #[test]
    fn refusals_name_the_sub_field() {
        for (digits, error) in [
            ("", "transaction type is cut short"),
            ("22000001", "network code is cut short"),
            ("220000010002011", "account type is cut short"),
            ("22000A01000", "batch is not a number"),
            ("220000010002010101", "1 digits after the last sub-field"),
        ] {
            assert_eq!(
                PosF60::parse(digits.as_bytes()).unwrap_err().to_string(),
                error
            );
        }
        let too_large = PosF61 {
            batch: 1_000_000,
            trace: 1,
            date: None,
            authorization_mode: None,
            authorizing_institution: None,
        };
        assert_eq!(too_large.to_digits(), None);
    }
}
