//! What a block of the log looks like on disk: one write and one sync make one block.
//!
//! A block starts at a multiple of [`BLOCK_ALIGN`], so that writing one never touches a sector of
//! an earlier, synced one. Little endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | magic `FSB1` |
//! | 4 | CRC-32 of the log's incarnation and of all that follows |
//! | 8 | number of the block, without gaps over the whole log |
//! | 8 | sequence of its first record |
//! | 4 | size of the entries |
//! | 4 | how many of the entries are records |
//! | … | entries, then zeros up to the alignment |
//!
//! An entry is kind (1), partition (2), offset (8), time of append or digest (8), payload size (4)
//! and the payload. The writer syncs each block before it writes the next one. So a block that
//! reads back proves that all blocks before it were synced, which tells a torn tail from damage.

use std::ops::Range;

use card::{PartitionId, Position, Timestamp};
use command_log::{Digest, NewRecord, RecordKind};

/// Blocks start at multiples of this many bytes.
pub(crate) const BLOCK_ALIGN: usize = 512;
/// What precedes the entries of a block.
pub(crate) const BLOCK_HEADER_SIZE: usize = 32;
/// What precedes the payload of an entry.
pub(crate) const ENTRY_HEADER_SIZE: usize = 23;

const BLOCK_MAGIC: [u8; 4] = *b"FSB1";
const CHECKED_FROM: usize = 8;

const KIND_COMMAND: u8 = 1;
const KIND_MARK: u8 = 2;
const KIND_WITNESS: u8 = 3;

/// The bytes that a block with a header and entries of `unpadded_size` takes on disk.
pub(crate) const fn block_size(unpadded_size: usize) -> usize {
    unpadded_size.next_multiple_of(BLOCK_ALIGN)
}

/// The bytes that a record takes in a block.
pub(crate) fn entry_size(record: &NewRecord) -> usize {
    ENTRY_HEADER_SIZE + record.payload.len()
}

/// What a block says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    /// Number of the block in the log.
    pub(crate) block: u64,
    /// Sequence of its first record, or of the next one when it has none.
    pub(crate) first_sequence: u64,
    /// Size of the entries in bytes.
    pub(crate) payload_size: u32,
    /// Records among the entries.
    pub(crate) record_count: u32,
}

impl BlockHeader {
    /// Reads a header without checking the sum; `None` when this is no header.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < BLOCK_HEADER_SIZE || bytes[..4] != BLOCK_MAGIC {
            return None;
        }
        Some(Self {
            block: u64_at(bytes, 8),
            first_sequence: u64_at(bytes, 16),
            payload_size: u32_at(bytes, 24),
            record_count: u32_at(bytes, 28),
        })
    }

    /// Writes the header over the first bytes of a block whose entries are in place.
    pub(crate) fn seal(self, block: &mut [u8], seed: u32) {
        block[..4].copy_from_slice(&BLOCK_MAGIC);
        block[8..16].copy_from_slice(&self.block.to_le_bytes());
        block[16..24].copy_from_slice(&self.first_sequence.to_le_bytes());
        block[24..28].copy_from_slice(&self.payload_size.to_le_bytes());
        block[28..32].copy_from_slice(&self.record_count.to_le_bytes());
        let sum = checksum(&block[CHECKED_FROM..], seed);
        block[4..8].copy_from_slice(&sum.to_le_bytes());
    }

    /// Header and entries, without padding.
    pub(crate) const fn unpadded_size(self) -> usize {
        BLOCK_HEADER_SIZE + self.payload_size as usize
    }
}

/// Whether `block` (header and entries, no padding) is as it was written to this log.
pub(crate) fn is_intact(block: &[u8], seed: u32) -> bool {
    block.len() >= BLOCK_HEADER_SIZE && u32_at(block, 4) == checksum(&block[CHECKED_FROM..], seed)
}

/// The start value of all sums of one log: a block of another log never fits.
pub(crate) fn seed_of(incarnation: &[u8; 16]) -> u32 {
    crc32fast::hash(incarnation)
}

/// The sum over `bytes`, begun with the log's seed.
pub(crate) fn checksum(bytes: &[u8], seed: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

/// One entry of a block; the payload is a range of the entries' bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A record of the log.
    Record {
        position: Position,
        appended_at: Timestamp,
        kind: RecordKind,
        payload: Range<usize>,
    },
    /// What an earlier fold made of a record.
    Witness { position: Position, digest: Digest },
}

/// An entry that cannot be read although the block's sum is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry at byte {at} of the block cannot be read")]
pub(crate) struct MalformedEntry {
    at: usize,
}

/// Adds a record to a block under construction.
pub(crate) fn push_record(
    block: &mut Vec<u8>,
    position: Position,
    appended_at: Timestamp,
    record: &NewRecord,
) {
    let kind = match record.kind {
        RecordKind::Command => KIND_COMMAND,
        RecordKind::Mark => KIND_MARK,
    };
    let size = u32::try_from(record.payload.len()).expect("admission bounds the payload");
    push_header(block, kind, position, appended_at.0.to_le_bytes());
    block.extend_from_slice(&size.to_le_bytes());
    block.extend_from_slice(&record.payload);
}

/// Adds a digest to a block under construction.
pub(crate) fn push_witness(block: &mut Vec<u8>, position: Position, digest: Digest) {
    push_header(block, KIND_WITNESS, position, digest.to_le_bytes());
    block.extend_from_slice(&0u32.to_le_bytes());
}

fn push_header(block: &mut Vec<u8>, kind: u8, position: Position, word: [u8; 8]) {
    let mut header = [0u8; ENTRY_HEADER_SIZE - 4];
    header[0] = kind;
    header[1..3].copy_from_slice(&position.partition.0.to_le_bytes());
    header[3..11].copy_from_slice(&position.offset.to_le_bytes());
    header[11..19].copy_from_slice(&word);
    block.extend_from_slice(&header);
}

/// Reads the entry at `at`, and says where the next one begins.
pub(crate) fn entry_at(entries: &[u8], at: usize) -> Result<(Entry, usize), MalformedEntry> {
    let malformed = MalformedEntry { at };
    let header = entries.get(at..at + ENTRY_HEADER_SIZE).ok_or(malformed)?;
    let position = Position {
        partition: PartitionId(u16::from_le_bytes([header[1], header[2]])),
        offset: u64_at(header, 3),
    };
    let word = u64_at(header, 11);
    let begin = at + ENTRY_HEADER_SIZE;
    let end = begin + u32_at(header, 19) as usize;
    if end > entries.len() {
        return Err(malformed);
    }
    let record = |kind| Entry::Record {
        position,
        appended_at: Timestamp(word.cast_signed()),
        kind,
        payload: begin..end,
    };
    let entry = match header[0] {
        KIND_COMMAND => record(RecordKind::Command),
        KIND_MARK => record(RecordKind::Mark),
        KIND_WITNESS => Entry::Witness {
            position,
            digest: word,
        },
        _ => return Err(malformed),
    };
    Ok((entry, end))
}

/// The 4 bytes at `at`, which the caller knows to be there.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

/// The 8 bytes at `at`, which the caller knows to be there.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn position(partition: u16, offset: u64) -> Position {
        Position {
            partition: PartitionId(partition),
            offset,
        }
    }

    fn sample_block() -> Vec<u8> {
        let record = NewRecord {
            partition: PartitionId(3),
            kind: RecordKind::Mark,
            payload: Bytes::from_static(b"cut"),
            trace: None,
        };
        let mut block = vec![0; BLOCK_HEADER_SIZE];
        push_record(&mut block, position(3, 7), Timestamp(1_000), &record);
        push_witness(&mut block, position(3, 6), 0xABCD);
        let header = BlockHeader {
            block: 5,
            first_sequence: 40,
            payload_size: u32::try_from(block.len() - BLOCK_HEADER_SIZE).unwrap(),
            record_count: 1,
        };
        header.seal(&mut block, seed_of(&[9; 16]));
        block
    }

    #[test]
    fn golden_block_never_changes() {
        let hex: String = sample_block()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, GOLDEN);
    }

    const GOLDEN: &str = "\
        4653423169de560e05000000000000002800000000000000310000000100000002030007\
        00000000000000e803000000000000030000006375740303000600000000000000cdab00\
        000000000000000000";

    #[test]
    fn a_block_reads_back() {
        let block = sample_block();
        let header = BlockHeader::parse(&block).unwrap();
        assert_eq!(
            (header.block, header.first_sequence, header.record_count),
            (5, 40, 1)
        );
        let entries = &block[BLOCK_HEADER_SIZE..];
        let (record, next) = entry_at(entries, 0).unwrap();
        let (witness, end) = entry_at(entries, next).unwrap();
        assert_eq!(
            record,
            Entry::Record {
                position: position(3, 7),
                appended_at: Timestamp(1_000),
                kind: RecordKind::Mark,
                payload: ENTRY_HEADER_SIZE..ENTRY_HEADER_SIZE + 3,
            }
        );
        assert_eq!(
            witness,
            Entry::Witness {
                position: position(3, 6),
                digest: 0xABCD
            }
        );
        assert_eq!(end, entries.len());
    }

    #[test]
    fn a_block_of_another_log_does_not_fit() {
        let block = sample_block();
        assert!(is_intact(&block, seed_of(&[9; 16])));
        assert!(!is_intact(&block, seed_of(&[8; 16])));
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_noticed(at in 4usize..81, change in 1u8..) {
            let mut block = sample_block();
            block[at] ^= change;
            prop_assert!(!is_intact(&block, seed_of(&[9; 16])));
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut at = 0;
            while let Ok((_, next)) = entry_at(&bytes, at) {
                at = next;
            }
            let _header = BlockHeader::parse(&bytes);
        }
    }
}
