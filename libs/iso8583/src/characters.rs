//! Characters of a dialect's code page as ASCII, hex as bytes, and back.

use crate::decode::DecodeErrorKind;
use crate::numerals::Numerals;
use crate::spec::{Encoding, FieldSpec};
use crate::text_form::hex_digit;

/// Puts a value in its readable form where it stands: characters as ASCII, hex as bytes. Returns
/// its bytes, of hex the first half. An error comes with the index of the byte.
pub(crate) fn to_readable<'c>(
    spec: &FieldSpec,
    content: &'c mut [u8],
) -> Result<&'c [u8], (usize, DecodeErrorKind)> {
    let byte_count = content.len() / 2;
    if let Some(page) = spec.numerals.code_page() {
        for (index, byte) in content.iter_mut().enumerate() {
            *byte = page
                .to_ascii(*byte)
                .ok_or((index, DecodeErrorKind::NotText))?;
        }
    }
    if spec.encoding != Encoding::Hex {
        return Ok(content);
    }
    for index in 0..byte_count {
        let digit = |at: usize| {
            let value = content.get(at).copied().and_then(hex_value);
            value.ok_or((at, DecodeErrorKind::NotHex))
        };
        let byte = digit(2 * index)? << 4 | digit(2 * index + 1)?;
        if let Some(slot) = content.get_mut(index) {
            *slot = byte;
        }
    }
    Ok(content.get(..byte_count).unwrap_or_default())
}

/// A character as ASCII.
pub(crate) fn readable(numerals: Numerals, character: u8) -> Option<u8> {
    match numerals.code_page() {
        None => Some(character),
        Some(page) => page.to_ascii(character),
    }
}

pub(crate) fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// A byte as two characters of hex in the dialect's code page, which has all of them.
pub(crate) fn hex_characters(numerals: Numerals, byte: u8) -> [u8; 2] {
    let digits = [hex_digit(byte >> 4), hex_digit(byte & 0x0F)];
    match numerals.code_page() {
        None => digits,
        Some(page) => digits.map(|digit| page.of_ascii(digit).unwrap_or(digit)),
    }
}
