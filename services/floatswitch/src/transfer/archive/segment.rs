//! One file of records.
//!
//! It begins with the eight bytes `FSARCHIV`, the format and the file's number (u32 each), and goes
//! on in blocks: length (u32), CRC-32 (u32), and so many bytes of whole records. Numbers are little
//! endian. The hash in the manifest says whether the file is good; the checksums say where it is not.

use std::fs;
use std::path::Path;

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};

use super::manifest::{Listed, MANIFEST, MANIFEST_HASH, hex};
use super::{ArchiveError, FORMAT};

/// Bytes of a file, at most, but for one block that is larger by itself.
pub(super) const SEGMENT_SIZE_MAX: u64 = 64 * 1024 * 1024;
/// A block is closed when it has so many bytes.
pub(super) const BLOCK_SIZE: usize = 256 * 1024;
pub(super) const BLOCK_HEADER_SIZE: usize = 8;
const MAGIC: &[u8; 8] = b"FSARCHIV";
const HEADER_SIZE: usize = 16;

/// The name of a segment, from 1.
pub(super) fn name(number: u32) -> String {
    format!("segment-{number:05}")
}

/// What a segment begins with.
pub(super) fn header(number: u32) -> [u8; HEADER_SIZE] {
    let mut header = [0; HEADER_SIZE];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header[12..].copy_from_slice(&number.to_le_bytes());
    header
}

/// What a block begins with.
pub(super) fn block_header(records: &[u8]) -> [u8; BLOCK_HEADER_SIZE] {
    let size = u32::try_from(records.len()).expect("a block is far below it");
    let mut header = [0; BLOCK_HEADER_SIZE];
    header[..4].copy_from_slice(&size.to_le_bytes());
    header[4..].copy_from_slice(&crc32fast::hash(records).to_le_bytes());
    header
}

/// The blocks of one good segment.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    left: Bytes,
}

impl Blocks {
    /// Reads a segment and proves that it is the one of the manifest.
    pub(super) fn read(folder: &Path, number: u32, listed: &Listed) -> Result<Self, ArchiveError> {
        let path = folder.join(&listed.path);
        let bytes = fs::read(&path).map_err(ArchiveError::io("read", &path))?;
        if hex(&Sha256::digest(&bytes)) != listed.sha256 {
            let what = match damaged_block(&bytes) {
                Some(at) => format!("its SHA-256 differs, the block at byte {at} has changed"),
                None => "its SHA-256 differs, some of it has changed".to_owned(),
            };
            return Err(ArchiveError::damaged(&path, what));
        }
        if bytes.get(..HEADER_SIZE) != Some(&header(number)[..]) {
            return Err(ArchiveError::damaged(
                &path,
                "is not the segment of its name",
            ));
        }
        let left = Bytes::from(bytes).slice(HEADER_SIZE..);
        Ok(Self { left })
    }

    /// The records of the next block, `None` at the end, an error text when it is no block.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, &'static str> {
        if self.left.is_empty() {
            return Ok(None);
        }
        take_block(&mut self.left).map(Some)
    }
}

fn take_block(left: &mut Bytes) -> Result<Bytes, &'static str> {
    let size = left.try_get_u32_le().map_err(|_| "a block is cut short")?;
    let crc = left.try_get_u32_le().map_err(|_| "a block is cut short")?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > left.len() {
        return Err("a block is cut short");
    }
    let records = left.split_to(size);
    match crc32fast::hash(&records) == crc {
        true => Ok(records),
        false => Err("a block has a wrong checksum"),
    }
}

/// Where the first block is that does not read back.
fn damaged_block(bytes: &[u8]) -> Option<usize> {
    let size = bytes.len();
    let mut left = Bytes::copy_from_slice(bytes.get(HEADER_SIZE..)?);
    while !left.is_empty() {
        let at = size - left.len();
        if take_block(&mut left).is_err() {
            return Some(at);
        }
    }
    None
}

/// Looks whether a folder holds exactly the files of a manifest, each with its size.
pub(super) fn check_files(folder: &Path, files: &[Listed]) -> Result<(), ArchiveError> {
    for (number, file) in (1..).zip(files) {
        let path = folder.join(&file.path);
        if file.path != name(number) {
            let what = format!("the manifest names {:?} as segment {number}", file.path);
            return Err(ArchiveError::damaged(&folder.join(MANIFEST), what));
        }
        let found = fs::metadata(&path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                return ArchiveError::damaged(&path, "is missing");
            }
            ArchiveError::io("look at", &path)(error)
        })?;
        if found.len() != file.size {
            let what = format!("has {} bytes, {} were written", found.len(), file.size);
            return Err(ArchiveError::damaged(&path, what));
        }
    }
    for entry in fs::read_dir(folder).map_err(ArchiveError::io("list", folder))? {
        let name = entry.map_err(ArchiveError::io("list", folder))?.file_name();
        let name = name.to_string_lossy();
        let is_ours = name == MANIFEST || name == MANIFEST_HASH;
        if !is_ours && !files.iter().any(|file| file.path == name) {
            let what = "is not in the manifest: move it away";
            return Err(ArchiveError::damaged(&folder.join(&*name), what));
        }
    }
    Ok(())
}
