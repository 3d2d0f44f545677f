//! Whether a value is one that the dialect's table can write.

use crate::encode::EncodeError;
use crate::packed;
use crate::spec::{Encoding, FieldSpec, LengthKind};

/// Most digits of a `u64`.
pub(crate) const NUMBER_DIGITS_MAX: usize = 20;

/// The last digits of a number, when those before are zeros.
pub(crate) fn number_content<'s>(
    number: u8,
    spec: &FieldSpec,
    digits: &'s [u8; NUMBER_DIGITS_MAX],
) -> Result<&'s [u8], EncodeError> {
    let length_max = spec.length_max();
    let too_long = EncodeError::Length {
        number,
        length: NUMBER_DIGITS_MAX,
        length_max,
    };
    let (upper, lower) = NUMBER_DIGITS_MAX
        .checked_sub(length_max)
        .and_then(|upper_count| digits.split_at_checked(upper_count))
        .ok_or(too_long)?;
    match upper.iter().position(|digit| *digit != b'0') {
        None => Ok(lower),
        Some(index) => {
            let length = NUMBER_DIGITS_MAX - index;
            Err(EncodeError::Length {
                number,
                length,
                length_max,
            })
        }
    }
}

pub(crate) fn check_length(number: u8, spec: &FieldSpec, length: usize) -> Result<(), EncodeError> {
    let length_max = spec.length_max();
    let fits = match spec.length {
        LengthKind::Fixed => length == length_max,
        LengthKind::Ll | LengthKind::Lll => length <= length_max,
    };
    if fits {
        Ok(())
    } else {
        Err(EncodeError::Length {
            number,
            length,
            length_max,
        })
    }
}

pub(crate) fn check_characters(
    number: u8,
    spec: &FieldSpec,
    content: &[u8],
) -> Result<(), EncodeError> {
    let not_a_digit = match spec.encoding {
        Encoding::PackedLeft | Encoding::PackedRight | Encoding::Digits => {
            content.iter().position(|byte| !byte.is_ascii_digit())
        }
        Encoding::PackedTrack | Encoding::Track => content
            .iter()
            .position(|byte| packed::track_nibble(*byte).is_none()),
        Encoding::SignedDigits => match content.split_first() {
            Some((b'C' | b'D', digits)) => digits
                .iter()
                .position(|byte| !byte.is_ascii_digit())
                .map(|index| index + 1),
            Some(_) | None => Some(0),
        },
        Encoding::Text => return check_text(number, spec, content),
        Encoding::Binary | Encoding::Hex => None,
    };
    not_a_digit.map_or(Ok(()), |index| Err(EncodeError::NotDigit { number, index }))
}

fn check_text(number: u8, spec: &FieldSpec, content: &[u8]) -> Result<(), EncodeError> {
    let Some(page) = spec.numerals.code_page() else {
        return Ok(());
    };
    let unknown = content
        .iter()
        .position(|byte| page.of_ascii(*byte).is_none());
    unknown.map_or(Ok(()), |index| Err(EncodeError::NotText { number, index }))
}
