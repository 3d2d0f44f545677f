//! One medium as a database keeps it.

use card::{CardId, ProgrammeId};
use pan::{Expiry, PanHash};

const FORMAT: u8 = 1;

/// A plastic or token and the card it names. The link never changes; whether the medium is good
/// is the card's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Medium {
    /// The card, for life.
    pub card: CardId,
    /// Its number on the card, 0 = the first.
    pub number: u8,
    /// The first six digits, ASCII.
    pub bin: [u8; 6],
    /// The last four digits, ASCII.
    pub last_four: [u8; 4],
    /// The product.
    pub programme: ProgrammeId,
    /// The last month of validity, if it has one.
    pub expiry: Option<Expiry>,
}

/// A medium with the hash of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisteredMedium {
    /// The keyed hash of its number.
    pub hash: PanHash,
    /// The medium.
    pub medium: Medium,
}

/// The bytes to keep under the hash of a medium's number.
///
/// Layout: format u8, crc32 u32 (of the hash and everything after the checksum), card 16,
/// number u8, bin 6, last four 4, programme u16, expiry as 4 digits or `0000`; big endian.
#[must_use]
pub fn encode(hash: &PanHash, medium: &Medium) -> Vec<u8> {
    let mut out = vec![FORMAT, 0, 0, 0, 0];
    out.extend_from_slice(medium.card.as_bytes());
    out.push(medium.number);
    out.extend_from_slice(&medium.bin);
    out.extend_from_slice(&medium.last_four);
    out.extend_from_slice(&medium.programme.0.to_be_bytes());
    out.extend_from_slice(&medium.expiry.map_or(*b"0000", Expiry::to_digits));
    let crc = checksum(hash, &out[5..]);
    out[1..5].copy_from_slice(&crc.to_be_bytes());
    out
}

/// Reads what [`encode`] wrote for this hash; `None` when it is something else.
#[must_use]
pub fn decode(hash: &PanHash, value: &[u8]) -> Option<Medium> {
    let ([FORMAT], rest) = value.split_first_chunk()? else {
        return None;
    };
    let (crc, rest) = rest.split_first_chunk()?;
    if checksum(hash, rest) != u32::from_be_bytes(*crc) {
        return None;
    }
    let (card, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first()?;
    let (bin, rest) = rest.split_first_chunk()?;
    let (last_four, rest) = rest.split_first_chunk()?;
    let (programme, rest) = rest.split_first_chunk()?;
    let expiry = if rest == b"0000" {
        None
    } else {
        Some(Expiry::parse(rest).ok()?)
    };
    Some(Medium {
        card: CardId::from_bytes(*card),
        number: *number,
        bin: *bin,
        last_four: *last_four,
        programme: ProgrammeId(u16::from_be_bytes(*programme)),
        expiry,
    })
}

fn checksum(hash: &PanHash, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(hash.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (PanHash, Medium) {
        let medium = Medium {
            card: CardId::new(1, [2; 14]),
            number: 3,
            bin: *b"629999",
            last_four: *b"1238",
            programme: ProgrammeId(500),
            expiry: Some(Expiry::parse(b"2712").unwrap()),
        };
        (PanHash::from_bytes([9; 16]), medium)
    }

    #[test]
    fn layout_is_pinned() {
        let (hash, medium) = example();
        let value = encode(&hash, &medium);
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "01f96dd43e00010202020202020202020202020202033632393939393132333801f432373132"
        );
        assert_eq!(decode(&hash, &value), Some(medium));
        let endless = Medium {
            expiry: None,
            ..medium
        };
        assert_eq!(decode(&hash, &encode(&hash, &endless)), Some(endless));
    }

    #[test]
    fn damage_and_misplacement_are_noticed() {
        let (hash, medium) = example();
        let value = encode(&hash, &medium);
        assert_eq!(decode(&PanHash::from_bytes([8; 16]), &value), None);
        for index in 0..value.len() {
            let mut bad = value.clone();
            bad[index] ^= 1;
            assert_eq!(decode(&hash, &bad), None, "bit of byte {index}");
            assert_eq!(decode(&hash, &value[..index]), None, "cut at {index}");
        }
    }
}
