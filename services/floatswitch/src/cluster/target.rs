//! A new cluster as the place for the cards of an embedded switch.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::bundles::SharedBundles;
use super::init;
use super::place::Place;
use crate::engine::now;
use crate::exit::Failure;
use crate::transfer::{ArchiveId, Marker, Shape, Stage, Target};
use card::PartitionId;
use card_processor::Bundles;
use card_store::{CardStore as _, CardWrite, CutTotals, PartitionCheckpoint, WriteError};
use card_store_scylla::{
    AssignedStore, CqlSession, Ended, ImportMark, ImportTable, Ownership, ScyllaReader,
};
use command_log::partition_of;
use pan::PanHasher;
use registry::MediaBook;
use registry_scylla::CqlMedia;
use settings::{Cluster, Settings};

/// The owner of all partitions while cards are brought in.
const IMPORTER: &str = "import";

/// A cluster with nobody working on it: all its partitions are claimed by the import, so that what an
/// interrupted one still has on its way loses.
pub(crate) struct ClusterTarget {
    settings: Settings,
    place: Place,
    reader: ScyllaReader,
    media: CqlMedia,
    bundles: SharedBundles,
    imports: ImportTable,
    ownership: Ownership,
    partitions: BTreeMap<PartitionId, Arc<AssignedStore>>,
}

impl fmt::Debug for ClusterTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterTarget").finish_non_exhaustive()
    }
}

impl ClusterTarget {
    /// Makes key, tables and topics where they are missing, and claims every partition.
    pub(crate) async fn open(
        settings: &Settings,
        cluster: &Cluster,
        offset_base: u64,
    ) -> Result<Self, Failure> {
        init::found(settings, cluster, Some(offset_base)).await?;
        let place = Place::open_unfinished(settings, cluster, IMPORTER).await?;
        let imports = ImportTable::open(place.cql.clone()).await;
        let imports = imports.map_err(Failure::start_error)?;
        let reader = ScyllaReader::new(place.cql.clone());
        refuse_used(&imports, &reader).await?;
        let ownership = Ownership::open(place.cql.clone()).await;
        let ownership = ownership.map_err(Failure::start_error)?;
        let count = place.log_id.partition_count;
        let mut partitions = BTreeMap::new();
        for partition in (0..count).map(PartitionId) {
            let store = claim(&ownership, &place.cql, partition).await?;
            partitions.insert(partition, Arc::new(store));
        }
        Ok(Self {
            settings: settings.clone(),
            reader,
            media: place.media().await?,
            bundles: SharedBundles::open(&place.cql).await?,
            imports,
            ownership,
            partitions,
            place,
        })
    }

    /// The partitions are free, and the settings' rules are in force from the first record on.
    async fn finish(&self) -> Result<(), Failure> {
        for store in self.partitions.values() {
            store.ended().end();
            let released = self.ownership.release(store.assignment()).await;
            released.map_err(Failure::start_error)?;
        }
        Ok(())
    }

    async fn install_rules(&self) -> Result<(), Failure> {
        let cluster = super::cluster_of(&self.settings)?;
        init::install_rules(&self.settings, cluster, &self.place.cql)
            .await
            .map(drop)
    }
}

/// Before its partitions are taken from it: a cluster that has cards already is no target.
async fn refuse_used(imports: &ImportTable, reader: &ScyllaReader) -> Result<(), Failure> {
    let mark = imports.read().await.map_err(Failure::start_error)?;
    let cards = reader.cards_after(None, 1).await;
    let cards = cards.map_err(Failure::start_error)?;
    match (mark, cards.first()) {
        (None, Some(card)) => Err(Failure::refused(format!(
            "the cluster holds cards already, {card} among them: name another keyspace and another \
             topic_prefix"
        ))),
        (Some(mark), _) if mark.is_done => Err(Failure::refused(
            "cards were imported here already, and may have moved on since: there is nothing to do",
        )),
        (None | Some(_), _) => Ok(()),
    }
}

async fn claim(
    ownership: &Ownership,
    cql: &CqlSession,
    partition: PartitionId,
) -> Result<AssignedStore, Failure> {
    let claimed = ownership.claim(partition, IMPORTER, now()).await;
    let claim = claimed.map_err(Failure::start_error)?;
    AssignedStore::for_assignment(cql.clone(), claim.assignment, Ended::new())
        .await
        .map_err(Failure::start_error)
}

impl Target for ClusterTarget {
    type Store = ScyllaReader;

    fn store(&self) -> &ScyllaReader {
        &self.reader
    }

    fn media(&self) -> &dyn MediaBook {
        &self.media
    }

    fn bundles(&self) -> &dyn Bundles {
        &self.bundles
    }

    fn hasher(&self) -> &PanHasher {
        &self.place.hasher
    }

    fn shape(&self) -> Shape {
        Shape {
            partition_count: self.place.log_id.partition_count,
            hash_version: self.place.log_id.hash_version,
            offset_base: self.place.offset_base,
        }
    }

    async fn marker(&self) -> Result<Option<Marker>, Failure> {
        let mark = self.imports.read().await.map_err(Failure::start_error)?;
        Ok(mark.map(|mark| Marker {
            archive: ArchiveId(mark.archive),
            stage: if mark.is_done {
                Stage::Done
            } else {
                Stage::Started
            },
        }))
    }

    async fn set_marker(&self, marker: Marker) -> Result<(), Failure> {
        let is_done = marker.stage == Stage::Done;
        if is_done {
            self.finish().await?;
        }
        let mark = ImportMark {
            archive: marker.archive.0,
            is_done,
        };
        self.imports
            .write(mark)
            .await
            .map_err(Failure::start_error)?;
        if is_done {
            self.install_rules().await?;
        }
        Ok(())
    }

    async fn write(&self, write: CardWrite) -> Result<(), WriteError> {
        let partition = partition_of(write.card, self.place.log_id.partition_count);
        match self.partitions.get(&partition) {
            Some(store) => store.write(write).await,
            None => Err(WriteError::Stopped(format!("no partition {partition}"))),
        }
    }

    /// What was written is durable.
    async fn flush(&self) -> Result<(), WriteError> {
        Ok(())
    }

    async fn keep_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        for own in cuts.chunk_by(|one, next| one.partition == next.partition) {
            let Some(partition) = own.first().map(|cut| cut.partition) else {
                continue;
            };
            let store = self.partitions.get(&partition).map(Arc::clone);
            let store =
                store.ok_or_else(|| WriteError::Stopped(format!("no partition {partition}")))?;
            let own = own.to_vec();
            let kept = tokio::task::spawn_blocking(move || store.keep_cuts(&own));
            kept.await
                .map_err(|error| WriteError::Stopped(error.to_string()))??;
        }
        Ok(())
    }

    async fn keep_checkpoints(
        &self,
        checkpoints: &[PartitionCheckpoint],
    ) -> Result<(), WriteError> {
        for checkpoint in checkpoints {
            let Some(store) = self.partitions.get(&checkpoint.partition) else {
                let partition = checkpoint.partition;
                return Err(WriteError::Stopped(format!("no partition {partition}")));
            };
            let (store, checkpoint) = (Arc::clone(store), checkpoint.clone());
            let kept = tokio::task::spawn_blocking(move || {
                store.checkpoint(store.freeze(), &[checkpoint])
            });
            kept.await
                .map_err(|error| WriteError::Stopped(error.to_string()))??;
        }
        Ok(())
    }
}
