//! What the operator may choose, and why a store cannot be opened.

use std::path::{Path, PathBuf};

use crate::journal::{SEGMENT_HEADER_SIZE, row};
use card_store::StoreError;

/// How much memory and disk the store may use. Every field has a bound (OWN-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Memory for blocks of the LSM tree that were read, in bytes.
    pub block_cache_size: u64,
    /// A journal segment is closed when the next row would make it longer, in bytes.
    pub segment_size_max: u32,
    /// Cards whose last journal row is remembered without asking the LSM tree; 60 bytes each.
    pub heads_cached_max: usize,
    /// States and keys go to the LSM tree in batches of about this many bytes.
    pub checkpoint_batch_size: usize,
    /// Threads that flush and compact the LSM tree.
    pub compaction_threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_cache_size: 128 << 20,
            segment_size_max: 256 << 20,
            heads_cached_max: 1 << 18,
            checkpoint_batch_size: 4 << 20,
            compaction_threads: 2,
        }
    }
}

impl Options {
    pub(crate) fn validate(&self) -> Result<(), OpenError> {
        let segment_size_min = SEGMENT_HEADER_SIZE + row::ROW_SIZE_MAX;
        if self.segment_size_max < segment_size_min {
            return Err(OpenError::Options(format!(
                "segment_size_max is {}, set at least {segment_size_min}",
                self.segment_size_max
            )));
        }
        if self.compaction_threads == 0 || self.checkpoint_batch_size == 0 {
            return Err(OpenError::Options(
                "compaction_threads and checkpoint_batch_size must be at least 1".to_owned(),
            ));
        }
        Ok(())
    }
}

/// Why a store cannot be created or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Creating would overwrite.
    #[error("{} already holds a card store; open it, or choose an empty folder", .0.display())]
    AlreadyThere(PathBuf),
    /// Opening would create.
    #[error("{} holds no card store; create it first, or correct the path", .0.display())]
    NotThere(PathBuf),
    /// A part of the store is missing.
    #[error(
        "{} holds only a part of a card store; if it was just being created, remove it and create \
         it again, else restore a backup",
        .0.display()
    )]
    Incomplete(PathBuf),
    /// An option is out of its range.
    #[error("card store options: {0}")]
    Options(String),
    /// The folder cannot be used.
    #[error("{action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is there cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpenError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
