//! How the switch's own names of a decision are written on the wire, and read back.
//!
//! A retrieval reference (data element 37) names a place in the log, an approval code (data
//! element 38) a version of the card. Both are base 36 with capital letters and zeros in front, so
//! that whoever has the log can answer for any receipt without a table (CARD-7).

use card::{PartitionId, Position, Version};

/// Characters of a retrieval reference.
pub const RETRIEVAL_REFERENCE_SIZE: usize = 12;
/// Characters of an approval code.
pub const APPROVAL_CODE_SIZE: usize = 6;

const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Writes the retrieval reference of a record: `offset * partition_count + partition`.
///
/// Twelve characters hold 36^12 records, enough for millions of years; beyond them it wraps.
#[must_use]
pub fn retrieval_reference(
    position: Position,
    partition_count: u16,
) -> [u8; RETRIEVAL_REFERENCE_SIZE] {
    let number = position
        .offset
        .wrapping_mul(u64::from(partition_count))
        .wrapping_add(u64::from(position.partition.0));
    base36(number)
}

/// Reads a retrieval reference; `None` when no record of this log can have it.
#[must_use]
pub fn position_of(reference: &[u8], partition_count: u16) -> Option<Position> {
    let number = number::<RETRIEVAL_REFERENCE_SIZE>(reference)?;
    let offset = number.checked_div(u64::from(partition_count))?;
    let partition = number.checked_rem(u64::from(partition_count))?;
    Some(Position {
        partition: PartitionId(u16::try_from(partition).ok()?),
        offset,
    })
}

/// Writes the approval code of a decision. Six characters hold 36^6 versions of one card, more
/// than it will ever have; beyond them it wraps.
#[must_use]
pub fn approval_code(version: Version) -> [u8; APPROVAL_CODE_SIZE] {
    base36(u64::from(version.0))
}

/// Reads an approval code; `None` when no decision can have it.
#[must_use]
pub fn version_of(code: &[u8]) -> Option<Version> {
    let number = number::<APPROVAL_CODE_SIZE>(code)?;
    u32::try_from(number).ok().map(Version)
}

fn base36<const SIZE: usize>(mut number: u64) -> [u8; SIZE] {
    let mut digits = [b'0'; SIZE];
    for digit in digits.iter_mut().rev() {
        let index = usize::try_from(number % 36).unwrap_or(0);
        *digit = DIGITS.get(index).copied().unwrap_or(b'0');
        number /= 36;
    }
    digits
}

fn number<const SIZE: usize>(digits: &[u8]) -> Option<u64> {
    if digits.len() != SIZE {
        return None;
    }
    digits.iter().try_fold(0u64, |number, character| {
        let digit = match character {
            b'0'..=b'9' => character - b'0',
            b'A'..=b'Z' => character - b'A' + 10,
            _ => return None,
        };
        number.checked_mul(36)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(partition: u16, offset: u64) -> Position {
        Position {
            partition: PartitionId(partition),
            offset,
        }
    }

    #[test]
    fn golden_values() {
        for (partition, offset, count, reference) in [
            (0, 0, 256, "000000000000"),
            (255, 0, 256, "000000000073"),
            (0, 1, 256, "000000000074"),
            (163, 1_000_000_000, 256, "000039LRSGBN"),
            (0, 36, 1, "000000000010"),
        ] {
            let written = retrieval_reference(at(partition, offset), count);
            assert_eq!(std::str::from_utf8(&written), Ok(reference));
            assert_eq!(position_of(&written, count), Some(at(partition, offset)));
        }
        for (version, code) in [(0, "000000"), (1, "000001"), (35, "00000Z"), (36, "000010")] {
            assert_eq!(approval_code(Version(version)), code.as_bytes());
            assert_eq!(version_of(code.as_bytes()), Some(Version(version)));
        }
    }

    #[test]
    fn what_was_never_written_is_no_reference() {
        for text in [
            "",
            "00000000000",
            "0000000000000",
            "00000000000a",
            "00000 000000",
            "é0000000000",
        ] {
            assert_eq!(position_of(text.as_bytes(), 256), None, "{text}");
        }
        assert_eq!(position_of(b"000000000000", 0), None);
        for text in ["", "00000", "A1234 ", "a12345"] {
            assert_eq!(version_of(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn references_read_back(offset in 0u64..1 << 45, partition: u16, above in 1u16..1_000) {
            let count = partition.saturating_add(above);
            prop_assume!(count > partition);
            let reference = retrieval_reference(at(partition, offset), count);
            prop_assert_eq!(position_of(&reference, count), Some(at(partition, offset)));
        }

        #[test]
        fn codes_read_back(version in 0u32..2_176_782_336) {
            prop_assert_eq!(version_of(&approval_code(Version(version))), Some(Version(version)));
        }

        #[test]
        fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..16), count: u16) {
            if let Some(position) = position_of(&bytes, count) {
                prop_assert_eq!(&retrieval_reference(position, count)[..], &bytes[..]);
            }
        }
    }
}
