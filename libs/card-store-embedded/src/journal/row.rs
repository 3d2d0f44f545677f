//! One journal row on disk.
//!
//! Layout, little endian: size u32 (of everything), crc32 u32 (of everything after it), card 16,
//! version u32, address of the card's previous row u64, the row's bytes. Card and version are
//! there so that a read that went to the wrong place is noticed even if its checksum is right.

use super::Address;
use card::{CardId, Version};
use card_store::JournalRow;

/// Bytes of a row besides its content.
pub(crate) const ROW_HEADER_SIZE: usize = 36;
/// The longest row with its header. A longer one is a bug of the caller.
pub(crate) const ROW_SIZE_MAX: u32 = 1 << 20;

/// Why bytes are not the row that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowFault {
    #[error("the row ends early")]
    Short,
    #[error("the size of the row is impossible")]
    Size,
    #[error("the checksum of the row is wrong")]
    Checksum,
    #[error("the row belongs to another card or version")]
    Misplaced,
}

/// A row that was read and checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DecodedRow {
    pub(crate) row: JournalRow,
    pub(crate) previous: Address,
}

/// How many bytes the row takes on disk.
pub(crate) fn encoded_size(row: &JournalRow) -> u32 {
    let size = ROW_HEADER_SIZE + row.bytes.len();
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    assert!(
        size <= ROW_SIZE_MAX,
        "a journal row has {size} bytes, at most {ROW_SIZE_MAX} fit"
    );
    size
}

/// Appends the row to `out`.
pub(crate) fn encode(out: &mut Vec<u8>, card: CardId, row: &JournalRow, previous: Address) {
    let start = out.len();
    out.extend_from_slice(&encoded_size(row).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(card.as_bytes());
    out.extend_from_slice(&row.version.0.to_le_bytes());
    out.extend_from_slice(&previous.to_bits().to_le_bytes());
    out.extend_from_slice(&row.bytes);
    let crc = crc32fast::hash(&out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// The size that the first bytes of a row promise.
pub(crate) fn size_of(bytes: &[u8]) -> Result<usize, RowFault> {
    let prefix = bytes.first_chunk().ok_or(RowFault::Short)?;
    let size = u32::from_le_bytes(*prefix);
    if size > ROW_SIZE_MAX {
        return Err(RowFault::Size);
    }
    let size = usize::try_from(size).map_err(|_| RowFault::Size)?;
    if size < ROW_HEADER_SIZE {
        Err(RowFault::Size)
    } else {
        Ok(size)
    }
}

/// Reads the row at the front of `bytes`, which may go on behind it.
pub(crate) fn decode(bytes: &[u8], card: CardId, version: Version) -> Result<DecodedRow, RowFault> {
    let bytes = bytes.get(..size_of(bytes)?).ok_or(RowFault::Short)?;
    let mut reader = Reader(bytes);
    let [_size, crc] = [reader.u32()?, reader.u32()?];
    if crc32fast::hash(reader.0) != crc {
        return Err(RowFault::Checksum);
    }
    let found_card = CardId::from_bytes(reader.take()?);
    let found_version = Version(reader.u32()?);
    let previous = Address::from_bits(u64::from_le_bytes(reader.take()?));
    if found_card != card || found_version != version {
        return Err(RowFault::Misplaced);
    }
    let row = JournalRow {
        version,
        bytes: reader.0.to_vec().into(),
    };
    Ok(DecodedRow { row, previous })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], RowFault> {
        let (head, rest) = self.0.split_first_chunk().ok_or(RowFault::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, RowFault> {
        Ok(u32::from_le_bytes(self.take()?))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn example() -> (CardId, JournalRow, Address) {
        let row = JournalRow {
            version: Version(7),
            bytes: Bytes::from_static(b"decision"),
        };
        (CardId::new(1, [2; 14]), row, Address::new(3, 40))
    }

    fn encoded() -> Vec<u8> {
        let (card, row, previous) = example();
        let mut out = Vec::new();
        encode(&mut out, card, &row, previous);
        out
    }

    #[test]
    fn layout_is_pinned() {
        let hex: String = encoded().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "2c000000990913ac000102020202020202020202020202020700000028000000030000006465636973696f6e"
        );
    }

    #[test]
    fn reads_what_was_written_even_when_more_follows() {
        let (card, row, previous) = example();
        let mut bytes = encoded();
        bytes.extend_from_slice(b"the next row");
        let expected = DecodedRow { row, previous };
        assert_eq!(decode(&bytes, card, Version(7)), Ok(expected));
    }

    #[test]
    fn notices_damage() {
        let (card, ..) = example();
        let good = encoded();
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 0x40;
            assert!(
                decode(&bad, card, Version(7)).is_err(),
                "bit of byte {index}"
            );
            assert!(
                decode(&good[..index], card, Version(7)).is_err(),
                "cut at {index}"
            );
        }
        assert_eq!(decode(&good, card, Version(6)), Err(RowFault::Misplaced));
        assert_eq!(
            decode(&good, CardId::new(1, [3; 14]), Version(7)),
            Err(RowFault::Misplaced)
        );
    }
}
