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
    ///
    /// Four digits at most, so nothing is checked for overflow.
    pub(crate) fn read_length(self, digits: &[u8]) -> Option<usize> {
        let append = |number: usize, digit: u8| Some(10 * number + usize::from(digit));
        digits.iter().try_fold(0, |number, byte| match self {
            Self::Packed => {
                let (high, low) = (byte >> 4, byte & 0x0F);
                if high > 9 || low > 9 {
                    return None;
                }
                append(append(number, high)?, low)
            }
            Self::Ascii => append(number, packed::digit_nibble(*byte)?),
            Self::Ebcdic(page) => append(number, packed::digit_nibble(page.to_ascii(*byte)?)?),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_each_form() {
        let ebcdic = Numerals::Ebcdic(CodePage::Cp037);
        for (numerals, digits, expected) in [
            (Numerals::Packed, &[0x99][..], Some(99)),
            (Numerals::Packed, &[0x01, 0x23], Some(123)),
            (Numerals::Packed, &[0x99, 0x99], Some(9_999)),
            (Numerals::Packed, &[0x9A], None),
            (Numerals::Packed, &[0xA9], None),
            (Numerals::Ascii, b"037", Some(37)),
            (Numerals::Ascii, b" 37", None),
            (ebcdic, &[0xF0, 0xF3, 0xF7], Some(37)),
            (ebcdic, b"037", None),
        ] {
            assert_eq!(numerals.read_length(digits), expected, "{numerals:?}");
            if let Some(length) = expected {
                let text = format!(
                    "{length:0width$}",
                    width = match numerals {
                        Numerals::Packed => 2 * digits.len(),
                        Numerals::Ascii | Numerals::Ebcdic(_) => digits.len(),
                    }
                );
                let mut written = Vec::new();
                numerals.write_digits(text.as_bytes(), &mut written);
                assert_eq!(written, digits);
            }
        }
    }
}
