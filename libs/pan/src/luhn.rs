//! The Luhn check digit (ISO/IEC 7812-1, annex B).

/// Check digit of a card number given without it, as an ASCII digit.
///
/// `None` when a byte is not an ASCII digit.
#[must_use]
pub fn luhn_check_digit(digits_without_check: &[u8]) -> Option<u8> {
    if !digits_without_check.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let sum: usize = digits_without_check
        .iter()
        .rev()
        .enumerate()
        .map(|(from_right, digit)| weigh(*digit, from_right % 2))
        .sum();
    // A remainder below ten always fits one digit.
    u8::try_from((10 - sum % 10) % 10)
        .ok()
        .map(|digit| b'0' + digit)
}

/// Doubles the digits at even distance from the check digit, with the digits of the product added.
fn weigh(ascii_digit: u8, from_right_parity: usize) -> usize {
    let digit = usize::from(ascii_digit - b'0');
    match (from_right_parity, digit) {
        (0, 0..=4) => digit * 2,
        (0, _) => digit * 2 - 9,
        (_, _) => digit,
    }
}

#[cfg(test)]
mod tests {
    use super::luhn_check_digit;

    #[test]
    fn published_example_and_refusals() {
        assert_eq!(luhn_check_digit(b"7992739871"), Some(b'3'));
        assert_eq!(luhn_check_digit(b"629999010000123"), Some(b'8'));
        assert_eq!(luhn_check_digit(b""), Some(b'0'));
        assert_eq!(luhn_check_digit(b"62999A"), None);
    }
}
