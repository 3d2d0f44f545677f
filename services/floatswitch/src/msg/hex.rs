//! Hex as people paste it: either case, spaces between bytes.

/// Why a text is not hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HexError {
    #[error("not hex at character {place}: write bytes as digits 0-9 and A-F")]
    Character { place: usize },
    #[error("half a byte at the end: hex needs two digits for each byte")]
    Half,
}

/// The bytes of a text. Spaces do not count.
pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for (index, character) in text.chars().enumerate() {
        if character.is_whitespace() {
            continue;
        }
        let digit = character
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or(HexError::Character { place: index + 1 })?;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(HexError::Half),
    }
}

/// Upper-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_as_it_is_pasted() {
        assert_eq!(unhex("0a F9\t00"), Ok(vec![0x0A, 0xF9, 0]));
        assert_eq!(unhex(""), Ok(Vec::new()));
        assert_eq!(unhex("0a f"), Err(HexError::Half));
        assert_eq!(unhex("0x"), Err(HexError::Character { place: 2 }));
        assert_eq!(hex(&[0x0A, 0xF9]), "0AF9");
    }
}
