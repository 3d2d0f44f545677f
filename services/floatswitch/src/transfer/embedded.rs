//! Another data folder as the target: a switch with a new log above the old one.
//!
//! The log's id is written last, so that the folder is no switch before everything is proved. What
//! an import that was cut short left behind is removed by the next one, for the same archive.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::archive::{Archive, ArchiveId};
use super::import::carried_key;
use super::target::{Marker, Shape, Stage, Target};
use crate::exit::Failure;
use crate::folder::{Contents, DataFolder};
use card_processor::{BundleFolder, Bundles};
use card_store::{CardStore as _, CardWrite, CutTotals, PartitionCheckpoint, WriteError};
use card_store_embedded::EmbeddedStore;
use command_log::HASH_VERSION;
use command_log_embedded::{DataLock, EmbeddedLog};
use pan::PanHasher;
use registry::{Media, MediaBook};
use settings::Settings;

/// In a data folder that an import has not finished with; holds the archive's id.
const UNFINISHED: &str = "IMPORT-UNFINISHED";

/// A data folder that a switch will have.
#[derive(Debug)]
pub(super) struct EmbeddedTarget {
    folder: DataFolder,
    store: Arc<EmbeddedStore>,
    media: Media,
    bundles: BundleFolder,
    hasher: PanHasher,
    shape: Shape,
    log: command_log_embedded::Options,
    _lock: DataLock,
}

impl EmbeddedTarget {
    /// Makes the folder's parts, empty.
    pub(super) fn open(settings: &Settings, archive: &Archive) -> Result<Self, Failure> {
        let folder = DataFolder::new(&settings.data_dir);
        let hasher = carried_key(settings, &archive.manifest)?;
        let lock = DataLock::acquire(folder.root()).map_err(Failure::start_error)?;
        make_room(&folder, archive.id)?;
        let partition_count = settings.log.partition_count.get();
        let mut log = command_log_embedded::Options::new(partition_count);
        log.segment_size = u64::from(settings.log.segment_size_mib.get()) * 1024 * 1024;
        log.first_offset = archive.manifest.offset_base;
        let options = card_store_embedded::Options::default();
        let store = EmbeddedStore::create(&folder.cards(), &options);
        Ok(Self {
            store: Arc::new(store.map_err(Failure::start_error)?),
            media: Media::create(&folder.media(), &hasher).map_err(Failure::start_error)?,
            bundles: BundleFolder::open(&folder.rules()).map_err(Failure::start_error)?,
            hasher,
            shape: Shape {
                partition_count,
                hash_version: HASH_VERSION,
                offset_base: log.first_offset,
            },
            log,
            folder,
            _lock: lock,
        })
    }

    async fn checkpoint(&self, partitions: Vec<PartitionCheckpoint>) -> Result<(), WriteError> {
        let store = Arc::clone(&self.store);
        let made = tokio::task::spawn_blocking(move || {
            let frozen = store.freeze();
            store.checkpoint(frozen, &partitions)
        });
        made.await
            .map_err(|error| WriteError::Stopped(error.to_string()))?
    }

    /// The log last, and then the folder is a switch's.
    fn finish(&self) -> Result<(), Failure> {
        let log = EmbeddedLog::create(&self.folder.log(), self.log.clone());
        log.map_err(Failure::start_error)?.close();
        let marker = self.folder.root().join(UNFINISHED);
        fs::remove_file(&marker).map_err(io_error("remove", &marker))?;
        sync_folder(self.folder.root())
    }
}

impl Target for EmbeddedTarget {
    type Store = EmbeddedStore;

    fn store(&self) -> &EmbeddedStore {
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

    /// What was there of an earlier import is gone.
    async fn marker(&self) -> Result<Option<Marker>, Failure> {
        Ok(None)
    }

    async fn set_marker(&self, marker: Marker) -> Result<(), Failure> {
        match marker.stage {
            Stage::Started => Ok(()), // Since `open`.
            Stage::Done => self.finish(),
        }
    }

    async fn write(&self, write: CardWrite) -> Result<(), WriteError> {
        self.store.write(write).await
    }

    async fn flush(&self) -> Result<(), WriteError> {
        self.checkpoint(Vec::new()).await
    }

    async fn keep_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        let (store, cuts) = (Arc::clone(&self.store), cuts.to_vec());
        let kept = tokio::task::spawn_blocking(move || store.keep_cuts(&cuts));
        kept.await
            .map_err(|error| WriteError::Stopped(error.to_string()))?
    }

    async fn keep_checkpoints(
        &self,
        checkpoints: &[PartitionCheckpoint],
    ) -> Result<(), WriteError> {
        self.checkpoint(checkpoints.to_vec()).await
    }
}

/// Marks the folder as unfinished, and removes what an earlier import of this archive left.
fn make_room(folder: &DataFolder, archive: ArchiveId) -> Result<(), Failure> {
    let root = folder.root();
    let marker = root.join(UNFINISHED);
    let parts = [folder.cards(), folder.media(), folder.rules(), folder.log()];
    let has_parts = parts.iter().any(|part| part.exists());
    if let Ok(found) = fs::read_to_string(&marker) {
        if has_parts && found.trim_end() != archive.to_string() {
            let root = root.display();
            return Err(Failure::refused(format!(
                "{root} holds a part of another archive: import that one again, or empty the folder \
                 but for its keys"
            )));
        }
        parts.iter().try_for_each(|part| remove(part))?;
        return write_marker(&marker, archive);
    }
    if has_parts || folder.contents()? != Contents::Nothing {
        let root = root.display();
        return Err(Failure::refused(format!(
            "{root} holds a switch, or a part of one: name a new folder in `data_dir`, with nothing \
             but keys/pan-hash.key in it"
        )));
    }
    write_marker(&marker, archive)
}

fn write_marker(path: &Path, archive: ArchiveId) -> Result<(), Failure> {
    let written = File::create(path).and_then(|mut file| {
        writeln!(file, "{archive}")?;
        file.sync_all()
    });
    written.map_err(io_error("write", path))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

fn remove(part: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io_error("remove", part)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> Result<(), Failure> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(io_error("sync", folder))
}

fn io_error(act: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::cannot_start(format!("{act} {path}: {error}"))
}
