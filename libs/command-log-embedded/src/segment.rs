//! Segments: preallocated files that hold the blocks, one after the other.
//!
//! A file gets its name only when its zeros and its header are synced, so that a named segment
//! is always whole. Header, little endian, then zeros up to a multiple of 4,096:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `FSWLOG01` |
//! | 4 | CRC-32 of the log's incarnation and of all that follows, up to the last offset |
//! | 2 | partition count |
//! | 1 + 1 | hash version, zero |
//! | 16 | incarnation |
//! | 8 | index of the segment, without gaps |
//! | 8 | size of the file |
//! | 8 | number of its first block |
//! | 8 | sequence of its first record |
//! | 8 | time of the last record before it |
//! | 8 each | next offset of each partition where it begins |

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::{checksum, u32_at, u64_at};
use card::Timestamp;
use command_log::LogId;

/// The folder of the segments.
pub(crate) const SEGMENTS_DIR: &str = "segments";
/// Where released segments go with [`crate::Retention::Archive`].
pub(crate) const ARCHIVE_DIR: &str = "archive";
/// A segment under preparation.
pub(crate) const SPARE_FILE: &str = "next.tmp";

const MAGIC: [u8; 8] = *b"FSWLOG01";
const CHECKED_FROM: usize = 12;
const FIXED_SIZE: usize = 72;
const HEADER_ALIGN: usize = 4_096;
/// Zeros are written and synced in pieces, so that the syncs of the log between them stay short.
const FILL_SIZE: u64 = 1_024 * 1_024;

/// The bytes before the first block.
pub(crate) const fn header_size(partition_count: u16) -> u64 {
    (FIXED_SIZE + 8 * partition_count as usize).next_multiple_of(HEADER_ALIGN) as u64
}

/// The name of a segment's file.
pub(crate) fn file_name(index: u64) -> String {
    format!("{index:020}.log")
}

/// What the header of a segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) index: u64,
    pub(crate) size: u64,
    pub(crate) first_block: u64,
    pub(crate) first_sequence: u64,
    pub(crate) last_time: Timestamp,
    /// By partition.
    pub(crate) start_offsets: Arc<[u64]>,
}

impl SegmentHeader {
    /// The header as it stands in the file.
    pub(crate) fn encode(&self, id: &LogId, seed: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED_SIZE + 8 * self.start_offsets.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&id.partition_count.to_le_bytes());
        bytes.extend_from_slice(&[id.hash_version, 0]);
        bytes.extend_from_slice(&id.incarnation);
        for word in [self.index, self.size, self.first_block, self.first_sequence] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&self.last_time.0.to_le_bytes());
        for offset in self.start_offsets.iter() {
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        let sum = checksum(&bytes[CHECKED_FROM..], seed);
        bytes[8..12].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads the header of a segment of this log; the error says what is wrong with it.
    pub(crate) fn read(file: &File, id: &LogId, seed: u32) -> io::Result<Result<Self, String>> {
        let size = FIXED_SIZE + 8 * usize::from(id.partition_count);
        let mut bytes = vec![0; size];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Self::decode(&bytes, id, seed)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Err("its header is cut off".to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    fn decode(bytes: &[u8], id: &LogId, seed: u32) -> Result<Self, String> {
        if bytes[..8] != MAGIC {
            return Err("it does not begin as a segment does".to_owned());
        }
        if bytes[16..32] != id.incarnation {
            return Err("it belongs to another log".to_owned());
        }
        if u32_at(bytes, 8) != checksum(&bytes[CHECKED_FROM..], seed) {
            return Err("the sum of its header is wrong".to_owned());
        }
        let words = bytes[FIXED_SIZE..].chunks_exact(8);
        Ok(Self {
            index: u64_at(bytes, 32),
            size: u64_at(bytes, 40),
            first_block: u64_at(bytes, 48),
            first_sequence: u64_at(bytes, 56),
            last_time: Timestamp(u64_at(bytes, 64).cast_signed()),
            start_offsets: words.map(|word| u64_at(word, 0)).collect(),
        })
    }
}

/// A segment that can be read.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) path: PathBuf,
}

/// The folders of one log.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.dir.join(SEGMENTS_DIR)
    }

    pub(crate) fn spare(&self) -> PathBuf {
        self.segments().join(SPARE_FILE)
    }

    pub(crate) fn segment(&self, index: u64) -> PathBuf {
        self.segments().join(file_name(index))
    }

    /// The indexes of the named segments, ascending.
    pub(crate) fn indexes(&self) -> io::Result<Vec<u64>> {
        let mut indexes = Vec::new();
        for entry in fs::read_dir(self.segments())? {
            let name = entry?.file_name();
            let index = name.to_str().and_then(|name| name.strip_suffix(".log"));
            if let Some(index) = index.and_then(|digits| digits.parse().ok()) {
                indexes.push(index);
            }
        }
        indexes.sort_unstable();
        Ok(indexes)
    }
}

/// Makes an empty file for a segment under preparation.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

/// The pieces in which a part of a file is filled with zeros.
pub(crate) fn pieces(from: u64, to: u64) -> impl Iterator<Item = (u64, usize)> {
    let mut at = from;
    std::iter::from_fn(move || {
        let size = FILL_SIZE.min(to.saturating_sub(at));
        let piece = (at, usize::try_from(size).expect("a piece is at most 1 MiB"));
        at += size;
        (size > 0).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::seed_of;
    use crate::identity::hex;

    const SEED_OF: [u8; 16] = [9; 16];

    fn id() -> LogId {
        LogId {
            incarnation: SEED_OF,
            partition_count: 2,
            hash_version: 1,
        }
    }

    fn header() -> SegmentHeader {
        SegmentHeader {
            index: 3,
            size: 65_536,
            first_block: 77,
            first_sequence: 501,
            last_time: Timestamp(1_000),
            start_offsets: vec![250, 251].into(),
        }
    }

    #[test]
    fn golden_header_never_changes() {
        assert_eq!(hex(&header().encode(&id(), seed_of(&SEED_OF))), GOLDEN);
    }

    const GOLDEN: &str = "4653574c4f47303144221ddc0200010009090909090909090909090909090909\
        030000000000000000000100000000004d00000000000000f501000000000000e803000000000000\
        fa00000000000000fb00000000000000";

    #[test]
    fn a_header_reads_back_and_any_change_is_noticed() {
        let seed = seed_of(&SEED_OF);
        let bytes = header().encode(&id(), seed);
        assert_eq!(SegmentHeader::decode(&bytes, &id(), seed), Ok(header()));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(
                SegmentHeader::decode(&changed, &id(), seed).is_err(),
                "byte {at}"
            );
        }
    }

    #[test]
    fn pieces_cover_a_range_once() {
        let mib = FILL_SIZE;
        let expected = [(5, 1 << 20), (5 + mib, 1 << 20), (5 + 2 * mib, 7)];
        assert_eq!(pieces(5, 12 + 2 * mib).collect::<Vec<_>>(), expected);
        assert_eq!(pieces(5, 5).count(), 0);
    }
}
