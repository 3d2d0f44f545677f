//! Bytes as text for people, and back: hex, and text with escapes.

/// Upper-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [hex_digit(byte >> 4), hex_digit(byte & 0x0F)])
        .map(char::from)
        .collect()
}

/// Bytes of hex in either case; `None` when it is none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(hex_value(*high)? << 4 | hex_value(*low)?))
        .collect()
}

/// Printable ASCII as it is, a backslash twice, any other byte as `\xHH`.
///
/// Names in GBK come out that way: their bytes survive, whatever shows them.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                text.push_str("\\x");
                text.push(char::from(hex_digit(byte >> 4)));
                text.push(char::from(hex_digit(byte & 0x0F)));
            }
        }
    }
    text
}

/// The bytes of an escaped text; `None` when an escape is none. What is not ASCII counts as UTF-8.
pub(crate) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        match rest {
            [b'\\', after @ ..] => {
                bytes.push(b'\\');
                rest = after;
            }
            [b'x', high, low, after @ ..] => {
                bytes.push(hex_value(*high)? << 4 | hex_value(*low)?);
                rest = after;
            }
            _ => return None,
        }
    }
    Some(bytes)
}

pub(crate) fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'A' + (nibble - 10)
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_both_forms() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&bytes)).as_deref(), Some(&bytes[..]));
        assert_eq!(unescape(&escape(&bytes)).as_deref(), Some(&bytes[..]));
    }

    #[test]
    fn forms_and_refusals() {
        assert_eq!(escape(b"SHOP \xB2\xE2\\"), "SHOP \\xB2\\xE2\\\\");
        assert_eq!(hex(&[0x0A, 0xF9]), "0AF9");
        for text in ["\\", "\\x1", "\\xG1", "\\n"] {
            assert_eq!(unescape(text), None);
        }
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("0x"), None);
        assert_eq!(unhex("af"), Some(vec![0xAF]));
    }
}
