//! How participants, merchants and terminals are named in configuration and messages.

use std::fmt;

use card::{MerchantId, TerminalId};

/// A text that is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// For a participant.
    #[error("an institution code is 1 to 11 digits")]
    Institution,
    /// For a merchant.
    #[error("a merchant id (DE42) is 1 to 15 printable ASCII characters without a leading space")]
    Merchant,
    /// For a terminal.
    #[error("a terminal id (DE41) is 1 to 8 printable ASCII characters without a leading space")]
    Terminal,
}

/// A participant, by its institution code: 1 to 11 digits, leading zeros count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId([u8; 11]);

impl ParticipantId {
    /// Takes 1 to 11 ASCII digits.
    ///
    /// # Errors
    /// [`NameError::Institution`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NameError::Institution);
        }
        space_filled(text).map(Self).ok_or(NameError::Institution)
    }

    /// The digits, filled with spaces.
    #[must_use]
    pub fn padded(&self) -> &[u8; 11] {
        &self.0
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(String::from_utf8_lossy(&self.0).trim_end())
    }
}

impl fmt::Debug for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParticipantId({self})")
    }
}

/// Makes a merchant id from the text of a configuration, filled with spaces.
///
/// # Errors
/// [`NameError::Merchant`] when it is empty, too long or not printable ASCII.
pub fn merchant_id(text: &str) -> Result<MerchantId, NameError> {
    space_filled(text)
        .map(MerchantId)
        .ok_or(NameError::Merchant)
}

/// Makes a terminal id from the text of a configuration, filled with spaces.
///
/// # Errors
/// [`NameError::Terminal`] when it is empty, too long or not printable ASCII.
pub fn terminal_id(text: &str) -> Result<TerminalId, NameError> {
    space_filled(text)
        .map(TerminalId)
        .ok_or(NameError::Terminal)
}

fn space_filled<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes = text.as_bytes();
    let is_printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    if bytes.is_empty() || bytes.starts_with(b" ") || !is_printable {
        return None;
    }
    let mut name = [b' '; N];
    name.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_with_spaces() {
        assert_eq!(
            merchant_id("898110275421234").unwrap().0,
            *b"898110275421234"
        );
        assert_eq!(merchant_id("SHOP 1").unwrap().0, *b"SHOP 1         ");
        assert_eq!(terminal_id("T1").unwrap().0, *b"T1      ");
        assert_eq!(
            ParticipantId::parse("0102").unwrap().padded(),
            b"0102       "
        );
        assert_eq!(ParticipantId::parse("0102").unwrap().to_string(), "0102");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", " A", "123456789", "caf\u{e9}", "a\n"] {
            assert_eq!(terminal_id(text), Err(NameError::Terminal), "{text:?}");
        }
        assert_eq!(merchant_id("1234567890123456"), Err(NameError::Merchant));
        for text in ["", "123456789012", "12A", "1 2"] {
            assert_eq!(
                ParticipantId::parse(text),
                Err(NameError::Institution),
                "{text:?}"
            );
        }
    }
}
