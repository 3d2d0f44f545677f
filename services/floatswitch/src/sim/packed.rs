//! Digits written straight into a frame: two in a byte, or one in a byte.

/// Writes a number as packed digits that fill `slot`, zeros in front. Higher digits are cut off.
pub(crate) fn put_packed(slot: &mut [u8], mut number: u64) {
    for byte in slot.iter_mut().rev() {
        let pair = (number % 100) as u8;
        *byte = ((pair / 10) << 4) | (pair % 10);
        number /= 100;
    }
}

/// Writes a number as ASCII digits that fill `slot`, zeros in front. Higher digits are cut off.
pub(crate) fn put_ascii(slot: &mut [u8], mut number: u64) {
    for byte in slot.iter_mut().rev() {
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Reads packed digits; `None` for a nibble that is none.
pub(crate) fn read_packed(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0_u64, |number, byte| {
        let (high, low) = (byte >> 4, byte & 0xf);
        let pair = (high < 10 && low < 10).then(|| u64::from(high * 10 + low))?;
        number.checked_mul(100)?.checked_add(pair)
    })
}

/// Reads ASCII digits; `None` for a byte that is none, and for no byte at all.
pub(crate) fn read_ascii(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_written_and_read_back() {
        let (mut packed, mut ascii) = ([0; 3], [0; 6]);
        for number in [0, 1, 99, 100, 123_456, 999_999] {
            put_packed(&mut packed, number);
            put_ascii(&mut ascii, number);
            assert_eq!(read_packed(&packed), Some(number));
            assert_eq!(read_ascii(&ascii), Some(number));
        }
        assert_eq!(packed, [0x99, 0x99, 0x99]);
        assert_eq!(&ascii, b"999999");
        assert_eq!(read_packed(&[0x1a]), None);
        assert_eq!(read_ascii(b"1a"), None);
        assert_eq!(read_ascii(b""), None);
    }
}
