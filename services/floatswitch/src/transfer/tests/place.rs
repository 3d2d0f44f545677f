//! A target in memory that can fail, and remembers whether it was touched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::world::{PARTITIONS, hasher};
use crate::exit::Failure;
use crate::transfer::archive::Archive;
use crate::transfer::import::{self, Imported};
use crate::transfer::target::{Marker, Shape, Target};
use crate::transfer::verify::{self, ArchivedBundles};
use card_processor::Bundles;
use card_store::memory::MemoryStore;
use card_store::{CardStore as _, CardWrite, CutTotals, PartitionCheckpoint, WriteError};
use command_log::HASH_VERSION;
use pan::PanHasher;
use registry::{Media, MediaBook};

/// A place that was never used.
#[derive(Debug)]
pub(super) struct MemoryPlace {
    pub(super) store: MemoryStore,
    pub(super) media: Media,
    pub(super) bundles: ArchivedBundles,
    pub(super) hasher: PanHasher,
    pub(super) shape: Shape,
    pub(super) marker: Mutex<Option<Marker>>,
    /// Writes that are done before one fails for good.
    pub(super) writes_left: AtomicU64,
    /// Whether every write is done and told as unknown first.
    pub(super) is_vague: AtomicBool,
    _folder: tempfile::TempDir,
}

impl MemoryPlace {
    pub(super) fn new(archive: &Archive) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: MemoryStore::new(),
            media: Media::create(&folder.path().join("media"), &hasher()).unwrap(),
            bundles: ArchivedBundles::default(),
            hasher: hasher(),
            shape: Shape {
                partition_count: PARTITIONS,
                hash_version: HASH_VERSION,
                offset_base: archive.manifest.offset_base,
            },
            marker: Mutex::new(None),
            writes_left: AtomicU64::new(u64::MAX),
            is_vague: AtomicBool::new(false),
            _folder: folder,
        }
    }
}

/// Imports as the command does.
pub(super) async fn import<T: Target>(
    target: &Arc<T>,
    archive: &Archive,
) -> Result<Imported, Failure> {
    let verified = verify::archive(archive)?;
    import::into(target, archive, verified).await
}

impl Target for MemoryPlace {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn media(&self) -> &dyn MediaBook {
        &self.media
    }

    fn bundles(&self) -> &dyn Bundles {
        &self.bundles
    }

    fn hasher(&self) -> &PanHasher {
        &self.hasher
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    async fn marker(&self) -> Result<Option<Marker>, Failure> {
        Ok(*self.marker.lock())
    }

    async fn set_marker(&self, marker: Marker) -> Result<(), Failure> {
        *self.marker.lock() = Some(marker);
        Ok(())
    }

    async fn write(&self, write: CardWrite) -> Result<(), WriteError> {
        let left = self.writes_left.fetch_sub(1, Ordering::SeqCst);
        if left == 0 {
            self.writes_left.store(0, Ordering::SeqCst);
            return Err(WriteError::Stopped("unplugged".to_owned()));
        }
        self.store.write(write).await?;
        match self.is_vague.fetch_not(Ordering::SeqCst) {
            true => Err(WriteError::Unknown("timed out".to_owned())),
            false => Ok(()),
        }
    }

    async fn flush(&self) -> Result<(), WriteError> {
        Ok(())
    }

    async fn keep_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        self.store.keep_cuts(cuts)
    }

    async fn keep_checkpoints(
        &self,
        checkpoints: &[PartitionCheckpoint],
    ) -> Result<(), WriteError> {
        self.store.checkpoint(self.store.freeze(), checkpoints)
    }
}
