//! Card numbers in committed files: test cards only.

use crate::tree::RepoFile;

const TEST_BINS: &[&str] = &["629997", "629998", "629999", "958000"];
/// Numbers that only happen to pass the check digit.
const NOT_CARDS: &[&str] = &[MERCHANT_OF_THE_VECTORS, PRIVATE_FIELD_OF_THE_VECTORS];
/// Merchant id (DE42) of the test messages and the example settings.
const MERCHANT_OF_THE_VECTORS: &str = "898999954110001";
/// Type, batch and network code (DE60) of one test message.
const PRIVATE_FIELD_OF_THE_VECTORS: &str = "4500000100060";

/// Checks that every number of 13 to 19 digits that could be a real card's is a test card's.
///
/// A number counts when it stands alone, passes the Luhn check and starts with 3 to 9: shorter and longer
/// numbers, dates and hexadecimal text are not card numbers.
pub fn card_number_findings(file: &RepoFile) -> Vec<String> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for number in words(line).filter(|word| could_be_real_card(word)) {
            let masked = &number[..6];
            findings.push(format!(
                "{}:{}: {masked}... could be a real card; use a test card of {}",
                file.path,
                index + 1,
                TEST_BINS.join(", ")
            ));
        }
    }
    findings
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|found: char| !found.is_alphanumeric() && found != '_')
}

fn could_be_real_card(word: &str) -> bool {
    let is_number =
        (13..=19).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    let has_card_start = word.starts_with(|first: char| ('3'..='9').contains(&first));
    let is_test_card = TEST_BINS.iter().any(|bin| word.starts_with(bin));
    let is_exempt = is_test_card || is_hex_of_hex(word) || NOT_CARDS.contains(&word);
    is_number && has_card_start && !is_exempt && passes_luhn(word)
}

/// Tells hexadecimal text that was itself written in hexadecimal, as wire dumps of a MAC have it.
fn is_hex_of_hex(word: &str) -> bool {
    let is_hex_digit = |pair: &[u8]| matches!(pair, [b'3', _] | [b'4', b'1'..=b'6']);
    word.as_bytes().chunks(2).all(is_hex_digit)
}

fn passes_luhn(digits: &str) -> bool {
    let from_right = digits.bytes().rev().map(|byte| u32::from(byte - b'0'));
    let weighted = from_right
        .enumerate()
        .map(|(index, digit)| match index % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        });
    weighted.sum::<u32>().is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::{card_number_findings, passes_luhn};
    use crate::tree::RepoFile;

    fn count(text: String) -> usize {
        card_number_findings(&RepoFile {
            path: "a.rs".to_owned(),
            text,
        })
        .len()
    }

    /// Completes digits with their check digit, so that no such number stands in this file.
    fn checked(digits: &str) -> String {
        let candidates = (0..10).map(|check| format!("{digits}{check}"));
        candidates
            .into_iter()
            .find(|number| passes_luhn(number))
            .expect("one digit fits")
    }

    #[test]
    fn only_test_cards_are_let_through() {
        assert_eq!(
            count(format!("pan = \"{}\"", checked("622202021234567"))),
            1
        );
        assert_eq!(count(format!("{}=2912101", checked("411111111111111"))), 1);
        assert_eq!(count(format!("\"{}\"", checked("629999010000123"))), 0);
        assert_eq!(count(format!("at {}", checked("2026112412000"))), 0);
        assert_eq!(count(format!("hex A{}", checked("622202021234567"))), 0);
        let mut wrong = checked("622202021234567");
        let last = if wrong.ends_with('0') { '1' } else { '0' };
        wrong.replace_range(15.., &last.to_string());
        assert_eq!(count(wrong), 0);
    }
}
