//! How a dialect writes its message type, lengths and characters.

use crate::ebcdic::CodePage;
use crate::packed;
use crate::spec::LengthKind;

/// How the message type and the lengths in front of values are written, and the characters of
/// values that are in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numerals {
    /// Two digits in a byte; characters are ASCII.
    Packed,
    /// ASCII digits.
    Ascii,
    /// EBCDIC digits.
    Ebcdic(CodePage),
}

impl Numerals {
    /// Bytes of the length in front of a value.
    pub(crate) fn length_size(self, length: LengthKind) -> usize {
        match (self, length) {
            (Self::Packed | Self::Ascii | Self::Ebcdic(_), LengthKind::Fixed) => 0,
            (Self::Packed, LengthKind::Ll) => 1,
            (Self::Packed, LengthKind::Lll) => 2,
            (Self::Ascii | Self::Ebcdic(_), LengthKind::Ll) => 2,
            (Self::Ascii | Self::Ebcdic(_), LengthKind::Lll) => 3,
        }
    }

    /// The code page of its characters; `None` for ASCII.
    pub(crate) fn code_page(self) -> Option<CodePage> {
        match self {
            Self::Packed | Self::Ascii => None,
            Self::Ebcdic(page) => Some(page),
        }
    }

    /// The number that a length in front of a value writes; `None` when one digit is none.
    pub(crate) fn read_number(self, digits: &[u8]) -> Option<u64> {
        match self {
            Self::Packed => packed::number(digits),
            Self::Ascii => packed::ascii_number(digits),
            Self::Ebcdic(page) => digits.iter().try_fold(0, |number, byte| {
                let digit = packed::digit_nibble(page.to_ascii(*byte)?)?;
                Some(10 * number + u64::from(digit))
            }),
        }
    }

    /// Writes ASCII digits in its own form.
    pub(crate) fn write_digits(self, digits: &[u8], buffer: &mut Vec<u8>) {
        match self {
            Self::Packed => packed::pack_left(digits, buffer),
            Self::Ascii => buffer.extend_from_slice(digits),
            Self::Ebcdic(page) => {
                buffer.extend(digits.iter().filter_map(|digit| page.of_ascii(*digit)));
            }
        }
    }
}
