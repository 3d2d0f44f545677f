//! `floatswitch export`: a stopped embedded switch, proved and written to an archive in one pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::archive::{Archive, ArchiveWriter, Manifest, SourceLog, hex};
use super::copy::{CardCopy, CopyError, read_cuts};
use super::report;
use super::target::key_check;
use super::verify::Tally;
use crate::check::Progress;
use crate::config;
use crate::engine::{Engine, Opening, now};
use crate::exit::{DONE, FOUND_WRONG, Failure};
use crate::folder::DataFolder;
use card::{PartitionId, ProgrammeId, Rules};
use card_processor::{BundleFolder, Bundles};
use card_store::{CardStore, PartitionCheckpoint, StoreError};
use card_store_embedded::EmbeddedStore;
use command_log::{CommandLog as _, LogId};
use command_log_embedded::{DataLock, EmbeddedLog};
use pan::PanHasher;
use registry::{ListingCursor, Media, MediaBook, pan_hash_key};
use settings::Settings;

/// The offset base is the next multiple of this: whoever reads an RRN sees which log it is of.
const OFFSET_BASE_STEP: u64 = 1_000_000;
/// Cards, and media, that are listed in one go.
const LISTED_PER_PAGE: usize = 1_024;

const EXAMPLES: &str = "\
Example:
  floatswitch export --config switch.toml --out /mnt/carry/2026-11-24

Then, where the cards go to, with the same keys/pan-hash.key:
  floatswitch import --config cluster.toml --from /mnt/carry/2026-11-24

Exit codes: 0 written, 1 the books are not clean: nothing was written, run `floatswitch check`;
2 the folder or the settings cannot be used, 3 the switch cannot be opened.";

/// `export`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArgs {
    /// The settings file of the switch, which must be stopped.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// A new folder for the archive.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) async fn run(args: ExportArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    if settings.cluster.is_some() {
        let message = "these are the settings of a cluster: an export is of a switch with its own \
                       data folder; name that switch's settings";
        return Err(Failure::usage(message));
    }
    refuse_inside(&args.out, &settings.data_dir)?;
    fold_the_log(&settings).await?;
    let place = Place::open(&settings)?;
    let exported = from(&place.source(&settings)?, &args.out).await;
    place.log.close();
    match exported? {
        Exported::Archive(archive) => {
            report::exported(&archive)?;
            Ok(DONE)
        }
        Exported::NotClean(findings) => {
            report::not_clean(&findings)?;
            Ok(FOUND_WRONG)
        }
    }
}

/// An archive in the folder that it copies would be refused as foreign by the next start.
fn refuse_inside(out: &Path, data_dir: &Path) -> Result<(), Failure> {
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let parent = parent
        .canonicalize()
        .map_err(|error| Failure::usage(format!("{}: {error}: make it first", parent.display())))?;
    let root = data_dir.canonicalize();
    if root.is_ok_and(|root| parent.starts_with(root)) {
        let message = "the archive would be inside the data folder: name a folder elsewhere";
        return Err(Failure::usage(message));
    }
    Ok(())
}

/// Decides what is in the log and makes a full checkpoint, as a clean stop does.
async fn fold_the_log(settings: &Settings) -> Result<(), Failure> {
    Engine::open(settings, Opening::Existing)
        .await?
        .close()
        .await
}

/// A stopped switch, opened without a processor: nothing can change while it is read.
struct Place {
    _lock: DataLock,
    hasher: PanHasher,
    store: EmbeddedStore,
    media: Media,
    bundles: BundleFolder,
    log: EmbeddedLog,
}

impl Place {
    fn open(settings: &Settings) -> Result<Self, Failure> {
        let folder = DataFolder::new(&settings.data_dir);
        let lock = DataLock::acquire(folder.root()).map_err(Failure::start_error)?;
        let hasher = pan_hash_key::load(&folder.pan_hash_key()).map_err(Failure::start_error)?;
        let store = EmbeddedStore::open(&folder.cards(), &card_store_embedded::Options::default());
        let mut options = command_log_embedded::Options::new(settings.log.partition_count.get());
        options.segment_size = u64::from(settings.log.segment_size_mib.get()) * 1024 * 1024;
        Ok(Self {
            _lock: lock,
            store: store.map_err(Failure::start_error)?,
            media: Media::open(&folder.media(), &hasher).map_err(Failure::start_error)?,
            bundles: BundleFolder::open(&folder.rules()).map_err(Failure::start_error)?,
            log: EmbeddedLog::open(&folder.log(), options).map_err(Failure::start_error)?,
            hasher,
        })
    }

    fn source(&self, settings: &Settings) -> Result<Source<'_, EmbeddedStore>, Failure> {
        let log_id = self.log.log_id();
        let partitions = (0..log_id.partition_count).map(PartitionId);
        let programmes = settings.programmes.iter();
        Ok(Source {
            store: &self.store,
            media: &self.media,
            bundles: &self.bundles,
            log_id: log_id.clone(),
            ends: partitions.map(|id| self.log.end_offset(id)).collect(),
            programmes: programmes
                .map(|one| ProgrammeId(one.number.get()))
                .collect(),
            pan_hash_key_check: hex(key_check(&self.hasher)?.as_bytes()),
        })
    }
}

/// What is exported.
pub(crate) struct Source<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) media: &'a dyn MediaBook,
    pub(crate) bundles: &'a dyn Bundles,
    pub(crate) log_id: LogId,
    /// Where each partition of the log ends.
    pub(crate) ends: Vec<u64>,
    /// Programmes that may have media, besides those of the cards and of the rules in force.
    pub(crate) programmes: BTreeSet<ProgrammeId>,
    pub(crate) pan_hash_key_check: String,
}

/// What came of an export.
#[derive(Debug)]
pub(crate) enum Exported {
    Archive(Box<Archive>),
    /// Nothing was left behind; what is wrong, line by line.
    NotClean(Vec<String>),
}

/// Writes the archive of a source to a new folder.
pub(crate) async fn from<S: CardStore>(
    source: &Source<'_, S>,
    out: &Path,
) -> Result<Exported, Failure> {
    let writer = ArchiveWriter::create(out)?;
    let written = Export::new(source, writer).run().await;
    match written {
        Ok(None) => Ok(Exported::Archive(Box::new(Archive::open(out)?))),
        Ok(Some(findings)) => {
            remove(out)?;
            Ok(Exported::NotClean(findings))
        }
        Err(failure) => {
            remove(out)?;
            Err(failure)
        }
    }
}

/// The folder is ours, and not an archive yet.
fn remove(out: &Path) -> Result<(), Failure> {
    fs::remove_dir_all(out)
        .map_err(|error| Failure::cannot_start(format!("remove {}: {error}", out.display())))
}

struct Export<'a, S> {
    source: &'a Source<'a, S>,
    writer: ArchiveWriter,
    tally: Tally,
    programmes: BTreeSet<ProgrammeId>,
}

impl<'a, S: CardStore> Export<'a, S> {
    fn new(source: &'a Source<'a, S>, writer: ArchiveWriter) -> Self {
        Self {
            source,
            writer,
            tally: Tally::new(source.log_id.partition_count),
            programmes: source.programmes.clone(),
        }
    }

    /// Writes everything, and the manifest if nothing is wrong; else tells what is.
    async fn run(mut self) -> Result<Option<Vec<String>>, Failure> {
        self.checkpoints().await?;
        self.cuts().await?;
        self.cards().await?;
        self.programmes.extend(self.tally.audit.programmes.keys());
        self.media().await?;
        self.tally.conclude();
        let findings = self.tally.findings();
        if !findings.is_empty() {
            return Ok(Some(findings));
        }
        let manifest = self.manifest()?;
        self.writer.finish(&manifest)?;
        Ok(None)
    }

    /// The rules in force go first, so that a reader understands the checkpoints that name them.
    async fn checkpoints(&mut self) -> Result<(), Failure> {
        let made = self.source.store.checkpoints().await;
        let made = whole(made.map_err(Failure::start_error)?, &self.source.ends)?;
        let mut in_force: BTreeMap<[u8; 32], std::sync::Arc<Rules>> = BTreeMap::new();
        for checkpoint in &made {
            let rules = self.tally.checkpoint(checkpoint, self.source.bundles);
            in_force.extend(rules.map(|rules| (rules.hash(), rules)));
        }
        for rules in in_force.values() {
            self.programmes.extend(rules.programmes.keys());
            self.writer.rules(rules)?;
            self.tally.rules();
        }
        for checkpoint in &made {
            self.writer.checkpoint(checkpoint)?;
        }
        Ok(())
    }

    async fn cuts(&mut self) -> Result<(), Failure> {
        for partition in (0..self.source.log_id.partition_count).map(PartitionId) {
            for cut in read_cuts(self.source.store, partition).await? {
                self.tally.cut(&cut);
                self.writer.cut(&cut)?;
            }
        }
        Ok(())
    }

    async fn cards(&mut self) -> Result<(), Failure> {
        let store = self.source.store;
        let mut progress = Progress::new();
        let mut after = None;
        loop {
            let page = store.cards_after(after, LISTED_PER_PAGE).await;
            let page = page.map_err(Failure::start_error)?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for card in page {
                match CardCopy::read(store, card).await {
                    Ok(Some(copy)) => {
                        self.tally.card(&copy);
                        self.writer.card(&copy)?;
                    }
                    Ok(None) => self.wrong(card, "card is listed but has no state"),
                    Err(CopyError::Store(error @ StoreError::Unavailable(_))) => {
                        return Err(Failure::start_error(error));
                    }
                    Err(error) => self.wrong(card, error.to_string()),
                }
            }
            progress.tell(&self.tally.audit);
        }
        progress.end();
        Ok(())
    }

    fn wrong(&mut self, card: card::CardId, what: impl Into<String>) {
        self.tally.audit.findings.add(Some(card), None, what);
    }

    async fn media(&mut self) -> Result<(), Failure> {
        for programme in &self.programmes {
            let mut after = None;
            loop {
                let listed =
                    self.source
                        .media
                        .media_of_programme(*programme, after, LISTED_PER_PAGE);
                let page = listed.await.map_err(Failure::start_error)?;
                let Some(last) = page.last() else { break };
                after = Some(ListingCursor {
                    card: last.medium.card,
                    number: last.medium.number,
                });
                for medium in page {
                    self.tally.medium(&medium);
                    self.writer.medium(&medium)?;
                }
            }
        }
        Ok(())
    }

    fn manifest(&mut self) -> Result<Manifest, Failure> {
        let told = self.tally.told();
        let log_id = &self.source.log_id;
        let end_offset_max = self.source.ends.iter().copied().max().unwrap_or_default();
        Ok(Manifest {
            format: super::archive::FORMAT,
            made_by: concat!("floatswitch ", env!("CARGO_PKG_VERSION")).to_owned(),
            made_at_ms: now().0,
            log: SourceLog {
                incarnation: hex(&log_id.incarnation),
                partition_count: log_id.partition_count,
                hash_version: log_id.hash_version,
                end_offset_max,
            },
            offset_base: end_offset_max.next_multiple_of(OFFSET_BASE_STEP),
            pan_hash_key_check: self.source.pan_hash_key_check.clone(),
            contents: told.contents,
            programmes: told.programmes,
            files: self.writer.close_segments()?,
        })
    }
}

/// The checkpoints, when there is one of each partition and it is at the log's end: what the log
/// holds beyond them would be left behind.
fn whole(
    made: Vec<PartitionCheckpoint>,
    ends: &[u64],
) -> Result<Vec<PartitionCheckpoint>, Failure> {
    let found = made
        .iter()
        .map(|one| (usize::from(one.partition.0), one.next_offset));
    if found.eq(ends.iter().copied().enumerate()) {
        return Ok(made);
    }
    let message = "the log holds records that no checkpoint covers: run `floatswitch doctor`, then \
                   start and stop the switch, and export again";
    Err(Failure::cannot_start(message))
}
