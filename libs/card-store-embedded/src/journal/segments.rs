//! The segment files of the journal.
//!
//! A segment begins with a header: the words `floatjrn`, a format number u32 and the segment's own
//! number u32, little endian. Rows follow without gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::tail::Sealed;
use super::{Address, row};
use crate::options::OpenError;
use card_store::StoreError;

/// Bytes before the first row of a segment.
pub(crate) const SEGMENT_HEADER_SIZE: u32 = 16;
const MAGIC: &[u8; 8] = b"floatjrn";
const FORMAT: u32 = 1;
const EXTENSION: &str = "seg";
/// Open files. The oldest segments are opened again when somebody asks for them.
const FILES_OPEN_MAX: usize = 64;
/// Most rows are shorter, so one read is enough.
const READ_AHEAD_SIZE: usize = 1_024;

/// The first bytes of a segment.
pub(super) fn segment_header(number: u32) -> [u8; SEGMENT_HEADER_SIZE as usize] {
    let mut header = [0; SEGMENT_HEADER_SIZE as usize];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header[12..].copy_from_slice(&number.to_le_bytes());
    header
}

/// The files, and which of them must be synced.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    open: Mutex<BTreeMap<u32, Arc<File>>>,
    unsynced: Mutex<Unsynced>,
}

#[derive(Debug, Default)]
struct Unsynced {
    segments: BTreeSet<u32>,
    /// A file was created, so its name must be synced too.
    names: bool,
}

impl Segments {
    /// Cuts the files at `end`, where the last checkpoint saw the end of the journal.
    pub(super) fn open(folder: &Path, end: Address) -> Result<Self, OpenError> {
        let segments = Self {
            folder: folder.to_owned(),
            open: Mutex::default(),
            unsynced: Mutex::default(),
        };
        let found = segments.numbers()?;
        if let Some(missing) = (1..=end.segment).find(|number| !found.contains(number)) {
            let path = segments.path(missing);
            return Err(damaged(format!(
                "{} is missing; restore a backup",
                path.display()
            )));
        }
        for number in found.range(end.segment + 1..) {
            let path = segments.path(*number);
            std::fs::remove_file(&path).map_err(OpenError::io("remove", &path))?;
        }
        if end != Address::NONE {
            segments.cut(end)?;
        }
        Ok(segments)
    }

    pub(super) fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number:04}.{EXTENSION}"))
    }

    /// Writes one buffer to its place. The error names the file.
    pub(super) fn write(&self, sealed: &Sealed) -> Result<(), String> {
        let number = sealed.at.segment;
        self.unsynced.lock().segments.insert(number);
        self.file_for_writing(number)
            .and_then(|file| file.write_all_at(&sealed.bytes, sealed.at.offset.into()))
            .map_err(|error| format!("write {}: {error}", self.path(number).display()))
    }

    /// Makes everything written so far durable. The error names the file.
    pub(super) fn sync(&self) -> Result<(), String> {
        let unsynced = std::mem::take(&mut *self.unsynced.lock());
        for number in unsynced.segments {
            self.file_for_writing(number)
                .and_then(|file| file.sync_data())
                .map_err(|error| format!("sync {}: {error}", self.path(number).display()))?;
        }
        if unsynced.names {
            File::open(&self.folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| format!("sync {}: {error}", self.folder.display()))?;
        }
        Ok(())
    }

    /// Reads the bytes of the row at this address, or fewer if the file ends.
    pub(super) fn read_row(&self, address: Address) -> io::Result<Vec<u8>> {
        let file = self.file(address.segment, OpenOptions::new().read(true).write(true))?;
        let offset = u64::from(address.offset);
        let mut bytes = vec![0; READ_AHEAD_SIZE];
        let found = read_fully(&file, &mut bytes, offset)?;
        bytes.truncate(found);
        let Ok(size) = row::size_of(&bytes) else {
            return Ok(bytes); // The caller decodes, and says what is wrong.
        };
        if size > found && found == READ_AHEAD_SIZE {
            bytes.resize(size, 0);
            let rest = read_fully(&file, &mut bytes[found..], offset + READ_AHEAD_SIZE as u64)?;
            bytes.truncate(found + rest);
        }
        Ok(bytes)
    }

    /// The bytes of all segments before this one.
    pub(super) fn closed_size(&self, before: u32) -> u64 {
        let sizes = (1..before).filter_map(|number| std::fs::metadata(self.path(number)).ok());
        sizes.map(|metadata| metadata.len()).sum()
    }

    fn numbers(&self) -> Result<BTreeSet<u32>, OpenError> {
        let failed = |source| OpenError::io("list", &self.folder)(source);
        let mut numbers = BTreeSet::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
            {
                let stem = path.file_stem().and_then(|stem| stem.to_str());
                let number = stem.and_then(|stem| stem.parse::<u32>().ok());
                numbers.extend(number.filter(|number| *number > 0));
            }
        }
        Ok(numbers)
    }

    /// Cuts the last segment, which must be long enough and what its name says.
    fn cut(&self, end: Address) -> Result<(), OpenError> {
        let path = self.path(end.segment);
        let file = self
            .file(end.segment, OpenOptions::new().read(true).write(true))
            .map_err(OpenError::io("open", &path))?;
        let size = file
            .metadata()
            .map_err(OpenError::io("read the size of", &path))?
            .len();
        if size < u64::from(end.offset) {
            return Err(damaged(format!(
                "{} has {size} bytes, the last checkpoint saw {}; restore a backup",
                path.display(),
                end.offset
            )));
        }
        let mut header = [0; SEGMENT_HEADER_SIZE as usize];
        file.read_exact_at(&mut header, 0)
            .map_err(OpenError::io("read", &path))?;
        if header != segment_header(end.segment) {
            let path = path.display();
            return Err(damaged(format!(
                "{path} at byte 0: not the header of this segment"
            )));
        }
        file.set_len(end.offset.into())
            .map_err(OpenError::io("cut", &path))
    }

    fn file_for_writing(&self, number: u32) -> io::Result<Arc<File>> {
        self.file(
            number,
            OpenOptions::new().read(true).write(true).create(true),
        )
    }

    fn file(&self, number: u32, options: &OpenOptions) -> io::Result<Arc<File>> {
        let mut open = self.open.lock();
        if let Some(file) = open.get(&number) {
            return Ok(Arc::clone(file));
        }
        let path = self.path(number);
        let is_new = !path.try_exists()?;
        let file = Arc::new(options.open(&path)?);
        if is_new {
            self.unsynced.lock().names = true;
        }
        if open.len() >= FILES_OPEN_MAX {
            open.pop_first();
        }
        open.insert(number, Arc::clone(&file));
        Ok(file)
    }
}

fn read_fully(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut found = 0;
    while found < bytes.len() {
        match file.read_at(&mut bytes[found..], offset + found as u64) {
            Ok(0) => break,
            Ok(count) => found += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn damaged(text: String) -> OpenError {
    OpenError::Store(StoreError::Damaged(text))
}
