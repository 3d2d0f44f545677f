//! Hides card data in values that are shown.
//!
//! Masking fails closed: what cannot be told apart from a card number is hidden like one.

use crate::field::Field;
use crate::mti::{Mti, MtiClass};
use crate::spec::{Sensitivity, ValueKind};

/// Fewest digits that may be a card number.
const CARD_NUMBER_LENGTH_MIN: usize = 13;
/// Most digits of a card number.
const CARD_NUMBER_LENGTH_MAX: usize = 19;
/// Templates within templates that are looked into.
const TEMPLATE_DEPTH_MAX: usize = 4;

/// Tags of chip data that hold track data, the card number or the holder's name.
const CHIP_TAGS_HIDDEN: [u32; 7] = [0x56, 0x57, 0x5A, 0x5F20, 0x9F1F, 0x9F20, 0x9F6B];

/// Hides what the table says of a data element's value.
pub(crate) fn mask(field: &Field<'_>, mti: Mti, value: &str) -> String {
    match field.spec.sensitivity {
        Sensitivity::Open => value.to_owned(),
        Sensitivity::CardNumber => mask_card_number(value),
        Sensitivity::Track => mask_track(value),
        Sensitivity::Secret => stars(value),
        Sensitivity::ChipData if chip_data_is_open(field.content) => value.to_owned(),
        Sensitivity::ChipData => stars(value),
        Sensitivity::FreeForm if field.spec.encoding.kind() == ValueKind::Binary => {
            mask_binary(field.content, mti, value)
        }
        Sensitivity::FreeForm => mask_runs(value),
    }
}

/// First six, stars, last four. What is too short for that is all stars.
fn mask_card_number(value: &str) -> String {
    let length = value.chars().count();
    if length < CARD_NUMBER_LENGTH_MIN {
        return stars(value);
    }
    let is_shown = |index: usize| index < 6 || index + 4 >= length;
    let mask = |(index, character)| if is_shown(index) { character } else { '*' };
    value.chars().enumerate().map(mask).collect()
}

fn mask_track(value: &str) -> String {
    match value.split_once(['=', 'D']) {
        Some((number, rest)) if is_card_number(number) => {
            format!("{}={}", mask_card_number(number), stars(rest))
        }
        Some(_) | None => stars(value),
    }
}

/// Hides each run of digits, spaces and separators that has the digits of a card number or more.
fn mask_runs(value: &str) -> String {
    let is_of_run = |character: char| matches!(character, '0'..='9' | ' ' | '-' | '=');
    let mut masked = String::with_capacity(value.len());
    let mut rest = value;
    while !rest.is_empty() {
        let run_end = rest
            .find(|character| !is_of_run(character))
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(run_end);
        masked.push_str(&mask_run(run));
        let other_end = after.find(is_of_run).unwrap_or(after.len());
        let (other, after) = after.split_at(other_end);
        masked.push_str(other);
        rest = after;
    }
    masked
}

fn mask_run(run: &str) -> String {
    let digit_count = run.chars().filter(char::is_ascii_digit).count();
    if digit_count < CARD_NUMBER_LENGTH_MIN {
        run.to_owned()
    } else if is_card_number(run) {
        mask_card_number(run)
    } else {
        run.chars()
            .map(|digit| if digit.is_ascii_digit() { '*' } else { digit })
            .collect()
    }
}

/// Hides a binary value shown as hex when its bytes or its nibbles may be those of a card number.
/// Network management carries keys there, so nothing of it is shown.
fn mask_binary(content: &[u8], mti: Mti, value: &str) -> String {
    if mti.class() == MtiClass::NetworkManagement {
        return stars(value);
    }
    let digits = str::from_utf8(content).unwrap_or_default();
    if is_card_number(digits) {
        // Two characters of hex for each digit.
        return mask_card_number(digits)
            .chars()
            .map(|digit| {
                if digit == '*' {
                    "**".to_owned()
                } else {
                    format!("3{digit}")
                }
            })
            .collect();
    }
    mask_runs(value)
}

fn is_card_number(text: &str) -> bool {
    let length_is_right = (CARD_NUMBER_LENGTH_MIN..=CARD_NUMBER_LENGTH_MAX).contains(&text.len());
    length_is_right && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn stars(value: &str) -> String {
    "*".repeat(value.chars().count())
}

/// Whether chip data is well formed and holds no tag to hide.
fn chip_data_is_open(content: &[u8]) -> bool {
    templates_are_open(content, TEMPLATE_DEPTH_MAX)
}

fn templates_are_open(content: &[u8], depth_left: usize) -> bool {
    let mut rest = content;
    while !rest.is_empty() {
        let Some((tag, value, after)) = split_tag(rest) else {
            return false;
        };
        if CHIP_TAGS_HIDDEN.contains(&tag.number) {
            return false;
        }
        if tag.is_template && (depth_left == 0 || !templates_are_open(value, depth_left - 1)) {
            return false;
        }
        rest = after;
    }
    true
}

struct Tag {
    number: u32,
    is_template: bool,
}

/// Cuts one tag, length and value; `None` when they are not whole.
fn split_tag(bytes: &[u8]) -> Option<(Tag, &[u8], &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let mut number = u32::from(*first);
    if first & 0x1F == 0x1F {
        // A tag goes on for as long as the top bit is set; no known one has more than three bytes.
        for _ in 0..2 {
            let (next, after) = rest.split_first()?;
            number = number << 8 | u32::from(*next);
            rest = after;
            if next & 0x80 == 0 {
                break;
            }
        }
    }
    let (length, after) = rest.split_first()?;
    let (length, after) = match length {
        0..=0x7F => (usize::from(*length), after),
        0x81 => {
            let (length, after) = after.split_first()?;
            (usize::from(*length), after)
        }
        // Longer than data element 55 can be.
        _ => return None,
    };
    let (value, after) = after.split_at_checked(length)?;
    Some((
        Tag {
            number,
            is_template: first & 0x20 != 0,
        },
        value,
        after,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_and_tracks() {
        for (value, masked) in [
            ("6299990100001238", "629999******1238"),
            ("6299990200000004564", "629999*********4564"),
            ("629999010000", "************"),
            ("", ""),
        ] {
            assert_eq!(mask_card_number(value), masked);
        }
        for (value, masked) in [
            (
                "6299990100001238=27052201234500000",
                "629999******1238=*****************",
            ),
            ("6299990100001238D2705", "629999******1238=****"),
            ("6299990100001238", "****************"),
            ("62999901=2705220", "****************"),
        ] {
            assert_eq!(mask_track(value), masked);
        }
    }

    #[test]
    fn runs_in_free_text() {
        for (value, masked) in [
            ("", ""),
            ("CUP note 123456789012", "CUP note 123456789012"),
            ("A3x6299990500012345678;", "A3x629999*********5678;"),
            ("A30196299990500012345678", "A***********************"),
            ("6299 9901 0000 1238", "**** **** **** ****"),
            ("6299990100001238=2705220", "****************=*******"),
            // A digit of an escape that touches the run goes with it.
            (
                "\\xB2\\xE2 6299990100001238\\xCA",
                "\\xB2\\xE* ****************\\xCA",
            ),
        ] {
            assert_eq!(mask_runs(value), masked);
        }
    }

    #[test]
    fn chip_data() {
        for (content, is_open) in [
            (&b"\x9F\x26\x02\x01\x02\x95\x01\x00"[..], true),
            (b"", true),
            (b"\x5A\x08\x62\x99\x99\x01\x00\x00\x12\x38", false),
            (b"\x70\x04\x57\x02\x62\x99", false),
            (b"\x70\x04\x9F\x36\x01\x01", true),
            (b"\x9F", false),
            (b"\x95\x05\x00", false),
            (b"\x95\x82\x00\x00", false),
            (b"\x70\x0A\x70\x08\x70\x06\x70\x04\x70\x02\x70\x00", false),
        ] {
            assert_eq!(chip_data_is_open(content), is_open, "{content:02X?}");
        }
    }
}
