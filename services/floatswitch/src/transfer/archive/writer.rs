//! Writes an archive: segments first, the manifest when all of them are on the disk.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::manifest::{self, Listed, Manifest, create, hex, sync_folder};
use super::record::{CardHead, Record};
use super::segment::{self, BLOCK_HEADER_SIZE, BLOCK_SIZE, SEGMENT_SIZE_MAX};
use super::{ArchiveError, ArchiveId};
use crate::transfer::copy::CardCopy;
use card::Rules;
use card_store::{CutTotals, PartitionCheckpoint};
use registry::RegisteredMedium;

/// An archive in the making.
#[derive(Debug)]
pub(crate) struct ArchiveWriter {
    folder: PathBuf,
    block: Vec<u8>,
    segment: Option<Segment>,
    files: Vec<Listed>,
}

/// The file that is written to.
#[derive(Debug)]
struct Segment {
    file: File,
    path: PathBuf,
    name: String,
    size: u64,
    hash: Sha256,
}

impl ArchiveWriter {
    /// Makes the folder, which must not be there.
    pub(crate) fn create(folder: &Path) -> Result<Self, ArchiveError> {
        let made = fs::DirBuilder::new().mode(0o700).create(folder);
        made.map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                return ArchiveError::Exists(folder.to_owned());
            }
            ArchiveError::io("create", folder)(error)
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            block: Vec::with_capacity(2 * BLOCK_SIZE),
            segment: None,
            files: Vec::new(),
        })
    }

    pub(crate) fn rules(&mut self, rules: &Rules) -> Result<(), ArchiveError> {
        self.put(&Record::Rules(Bytes::from(rules.encode())))
    }

    pub(crate) fn checkpoint(&mut self, made: &PartitionCheckpoint) -> Result<(), ArchiveError> {
        self.put(&Record::Checkpoint(made.clone()))
    }

    pub(crate) fn cut(&mut self, cut: &CutTotals) -> Result<(), ArchiveError> {
        self.put(&Record::Cut(cut.clone()))
    }

    pub(crate) fn medium(&mut self, medium: &RegisteredMedium) -> Result<(), ArchiveError> {
        self.put(&Record::Medium(*medium))
    }

    pub(crate) fn card(&mut self, copy: &CardCopy) -> Result<(), ArchiveError> {
        let count = |len: usize| u32::try_from(len).expect("versions are 32 bits");
        self.put(&Record::Card(CardHead {
            card: copy.card,
            state: copy.state.clone(),
            row_count: count(copy.rows.len()),
            key_count: count(copy.keys.len()),
        }))?;
        for row in &copy.rows {
            self.put(&Record::Row(row.clone()))?;
        }
        for key in &copy.keys {
            self.put(&Record::Key(key.clone()))?;
        }
        Ok(())
    }

    /// Makes all segments durable and tells what they are.
    pub(crate) fn close_segments(&mut self) -> Result<Vec<Listed>, ArchiveError> {
        self.flush()?;
        self.close_segment()?;
        sync_folder(&self.folder)?;
        Ok(self.files.clone())
    }

    /// Writes the manifest, which makes the folder an archive.
    pub(crate) fn finish(self, manifest: &Manifest) -> Result<ArchiveId, ArchiveError> {
        manifest::write(&self.folder, manifest)
    }

    fn put(&mut self, record: &Record) -> Result<(), ArchiveError> {
        record.put(&mut self.block);
        match self.block.len() < BLOCK_SIZE {
            true => Ok(()),
            false => self.flush(),
        }
    }

    fn flush(&mut self) -> Result<(), ArchiveError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let size = (BLOCK_HEADER_SIZE + self.block.len()) as u64;
        if let Some(segment) = &self.segment
            && segment.size + size > SEGMENT_SIZE_MAX
        {
            self.close_segment()?;
        }
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => self.next_segment()?,
        };
        segment.write(&segment::block_header(&self.block))?;
        segment.write(&self.block)?;
        self.segment = Some(segment);
        self.block.clear();
        Ok(())
    }

    fn next_segment(&self) -> Result<Segment, ArchiveError> {
        let number = u32::try_from(self.files.len()).expect("the disk is full before") + 1;
        let name = segment::name(number);
        let path = self.folder.join(&name);
        let file = create(&path).map_err(ArchiveError::io("create", &path))?;
        let mut segment = Segment {
            file,
            path,
            name,
            size: 0,
            hash: Sha256::new(),
        };
        segment.write(&segment::header(number))?;
        Ok(segment)
    }

    fn close_segment(&mut self) -> Result<(), ArchiveError> {
        let Some(segment) = self.segment.take() else {
            return Ok(());
        };
        let synced = segment.file.sync_all();
        synced.map_err(ArchiveError::io("sync", &segment.path))?;
        self.files.push(Listed {
            path: segment.name,
            size: segment.size,
            sha256: hex(&segment.hash.finalize()),
        });
        Ok(())
    }
}

impl Segment {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let written = self.file.write_all(bytes);
        written.map_err(ArchiveError::io("write", &self.path))?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }
}
