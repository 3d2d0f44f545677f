//! The archive: a folder that holds all that a switch keeps, to be carried to another place.
//!
//! | file             | what                                                                  |
//! |------------------|-----------------------------------------------------------------------|
//! | `segment-00001`… | the records, at most 64 MiB a file                                     |
//! | `manifest.json`  | SHA-256 of every segment, counts, float, from which log                |
//! | `manifest.sha256`| SHA-256 of the manifest, as `sha256sum -c` reads it; written last      |
//!
//! A folder without the last file is no archive. Every byte is covered by a hash, so whatever
//! changed on the way is found before any of it is used. It holds no card number, no PIN and no
//! key, but balances: keep it as safe as the cards themselves.

mod manifest;
mod reader;
mod record;
mod segment;
mod writer;

use std::path::{Path, PathBuf};

use crate::exit::Failure;

pub(crate) use manifest::{
    Contents, FloatFen, Listed, Manifest, ProgrammeTold, SourceLog, Told, hex,
};
pub(crate) use reader::{ArchiveReader, Item};
pub(crate) use writer::ArchiveWriter;

/// The version of manifest, segments and records.
pub(crate) const FORMAT: u32 = 2;

/// Names one archive: the SHA-256 of its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArchiveId(pub(crate) [u8; 32]);

impl std::fmt::Display for ArchiveId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// An archive whose manifest is good.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) folder: PathBuf,
    pub(crate) id: ArchiveId,
    pub(crate) manifest: Manifest,
}

impl Archive {
    /// Reads the manifest, and looks whether the files are there that it names, and no others.
    pub(crate) fn open(folder: &Path) -> Result<Self, ArchiveError> {
        let (manifest, id) = manifest::read(folder)?;
        segment::check_files(folder, &manifest.files)?;
        Ok(Self {
            folder: folder.to_owned(),
            id,
            manifest,
        })
    }

    /// Reads it from the start.
    pub(crate) fn reader(&self) -> ArchiveReader<'_> {
        ArchiveReader::new(self)
    }
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error("{action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is there already: name a new folder, an export is never written over", .0.display())]
    Exists(PathBuf),
    #[error(
        "{}: {what}; a folder without it is no archive, or an export that was cut short: remove it and \
         export again",
        path.display()
    )]
    Unfinished { path: PathBuf, what: String },
    #[error("the archive has format {0}, this build reads {FORMAT}: use the build that wrote it")]
    Format(u32),
    #[error("{}: {what}; nothing was taken from it, copy or export it again", file.display())]
    Damaged { file: PathBuf, what: String },
}

impl ArchiveError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    fn damaged(file: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            file: file.to_owned(),
            what: what.into(),
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Io { .. } => Self::cannot_start(error),
            ArchiveError::Exists(_) | ArchiveError::Unfinished { .. } | ArchiveError::Format(_) => {
                Self::usage(error)
            }
            ArchiveError::Damaged { .. } => Self::found_wrong(error),
        }
    }
}
