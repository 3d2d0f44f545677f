//! Packed digits: two in a byte, high nibble first.

/// The nibble that stands for the separator of a track.
const SEPARATOR_NIBBLE: u8 = 0xD;

/// A nibble as a character: `0` to `9`, and `=` for the separator of a track.
pub(crate) fn character(nibble: u8) -> u8 {
    if nibble == SEPARATOR_NIBBLE {
        b'='
    } else {
        b'0' + nibble
    }
}

/// A digit as a nibble.
pub(crate) fn digit_nibble(character: u8) -> Option<u8> {
    character.is_ascii_digit().then_some(character & 0x0F)
}

/// A digit or a separator, `=` or `D`, as a nibble.
pub(crate) fn track_nibble(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character & 0x0F),
        b'=' | b'D' => Some(SEPARATOR_NIBBLE),
        _ => None,
    }
}

pub(crate) fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F])
}

/// Index of the first byte that is not two digits.
pub(crate) fn position_of_non_digits(bytes: &[u8]) -> Option<usize> {
    bytes
        .iter()
        .position(|byte| !(is_digit(byte >> 4) && is_digit(byte & 0x0F)))
}

/// The same where separators count as digits.
pub(crate) fn position_of_non_track(bytes: &[u8]) -> Option<usize> {
    let is_track = |nibble| is_digit(nibble) || nibble == SEPARATOR_NIBBLE;
    bytes
        .iter()
        .position(|byte| !(is_track(byte >> 4) && is_track(byte & 0x0F)))
}

/// Number written as ASCII digits; `None` when one is none or it is over `u64`.
pub(crate) fn ascii_number(bytes: &[u8]) -> Option<u64> {
    bytes
        .iter()
        .try_fold(0, |value, byte| append(value, digit_nibble(*byte)?))
}

fn append(value: u64, digit: u8) -> Option<u64> {
    value.checked_mul(10)?.checked_add(u64::from(digit))
}

/// Writes a number as ASCII digits over all of `bytes`, with zeros in front. What is too large for
/// them loses its upper digits, so callers check the limit first.
pub(crate) fn write_ascii_number(number: u64, bytes: &mut [u8]) {
    bytes.fill(b'0');
    let mut rest = number;
    for byte in bytes.iter_mut().rev() {
        if rest == 0 {
            break;
        }
        *byte = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

/// Unpacks as many characters as there are slots; the first nibble goes to the first one.
pub(crate) fn unpack_left(packed: &[u8], slots: &mut [u8]) {
    let (pairs, odd) = slots.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(packed) {
        *pair = [character(byte >> 4), character(byte & 0x0F)];
    }
    if let (Some(slot), Some(byte)) = (odd.first_mut(), packed.get(pairs.len())) {
        *slot = character(byte >> 4);
    }
}

/// The same where an odd first slot takes the low nibble of the first byte.
pub(crate) fn unpack_right(packed: &[u8], slots: &mut [u8]) {
    let (odd, pairs) = slots.as_rchunks_mut::<2>();
    let mut rest = packed;
    if let (Some(slot), Some((byte, after))) = (odd.first_mut(), packed.split_first()) {
        *slot = character(byte & 0x0F);
        rest = after;
    }
    for (pair, byte) in pairs.iter_mut().zip(rest) {
        *pair = [character(byte >> 4), character(byte & 0x0F)];
    }
}

/// Packs digits and track characters, an odd one before a pad nibble. Others count as 0, so callers
/// check them first.
pub(crate) fn pack_left(characters: &[u8], buffer: &mut Vec<u8>) {
    let (pairs, odd) = characters.as_chunks::<2>();
    buffer.extend(
        pairs
            .iter()
            .map(|[high, low]| nibble(*high) << 4 | nibble(*low)),
    );
    buffer.extend(odd.iter().map(|odd| nibble(*odd) << 4));
}

/// The same with an odd one first, after a pad nibble.
pub(crate) fn pack_right(characters: &[u8], buffer: &mut Vec<u8>) {
    let (odd, pairs) = characters.as_rchunks::<2>();
    buffer.extend(odd.iter().map(|odd| nibble(*odd)));
    buffer.extend(
        pairs
            .iter()
            .map(|[high, low]| nibble(*high) << 4 | nibble(*low)),
    );
}

fn nibble(character: u8) -> u8 {
    track_nibble(character).unwrap_or(0)
}

fn is_digit(nibble: u8) -> bool {
    nibble < 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_ascii() {
        assert_eq!(ascii_number(b"0356"), Some(356));
        assert_eq!(ascii_number(b" 356"), None);
        assert_eq!(ascii_number(&[b'9'; 20]), None);
    }

    #[test]
    fn unpacking_undoes_packing() {
        for text in ["", "1", "12", "123", "6299990100001238=2705"] {
            let mut unpacked = vec![0; text.len()];
            let mut left = Vec::new();
            pack_left(text.as_bytes(), &mut left);
            unpack_left(&left, &mut unpacked);
            assert_eq!(unpacked, text.as_bytes());
            let mut right = Vec::new();
            pack_right(text.as_bytes(), &mut right);
            unpacked.fill(0);
            unpack_right(&right, &mut unpacked);
            assert_eq!(unpacked, text.as_bytes());
        }
    }

    #[test]
    fn positions_of_what_is_no_digit() {
        assert_eq!(position_of_non_digits(&[0x12, 0x3D]), Some(1));
        assert_eq!(position_of_non_track(&[0x12, 0x3D]), None);
        assert_eq!(position_of_non_track(&[0x12, 0xE3]), Some(1));
        assert_eq!(nibbles(&[0x3D]).map(character).collect::<Vec<_>>(), b"3=");
    }
}
