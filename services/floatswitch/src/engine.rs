//! The embedded switch without its links: folder lock, log, store, media, processor.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::days::{self, LedDays, OwnDays};
use crate::exit::Failure;
use crate::folder::{Contents, DataFolder};
use crate::plan;
use crate::router::{Desk, Router};
use acquirer_connector::{Directory, ResponseCode, StoreBatches};
use card::{Command, Outcome, Rules, Timestamp};
use card_processor::{BundleFolder, Bundles, Parts, Processor, Takeover};
use card_store::CardStore as _;
use card_store_embedded::EmbeddedStore;
use command_log::{CommandLog as _, NewRecord, PartitionGates, RecordKind, envelope, partition_of};
use command_log_embedded::{Clock as _, DataLock, EmbeddedLog, SystemClock};
use pan::PanHasher;
use registry::{Media, MediaBook, pan_hash_key};
use settings::Settings;
use telemetry::Tracer;

/// How long a stop waits for what is in the log to be decided.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// What is opened besides the processor.
pub(crate) struct Engine {
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) store: Arc<EmbeddedStore>,
    pub(crate) media: Arc<dyn MediaBook>,
    pub(crate) hasher: PanHasher,
    pub(crate) processor: Processor<EmbeddedStore, EmbeddedLog>,
    pub(crate) router: Arc<Router>,
    rules: Rules,
    /// Dropped last: the folder is ours until everything else is closed.
    _lock: DataLock,
}

/// Whether a folder that is not there yet may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// A new switch is made in a new folder.
    CreateIfNew,
    /// Only a switch that is there.
    Existing,
}

impl Engine {
    /// Opens the folder, recovers, and closes the gates until [`Engine::take_up`].
    pub(crate) async fn open(settings: &Settings, opening: Opening) -> Result<Self, Failure> {
        Self::open_traced(settings, opening, Tracer::off()).await
    }

    /// [`Engine::open`] with traces of sampled commands.
    pub(crate) async fn open_traced(
        settings: &Settings,
        opening: Opening,
        tracer: Tracer,
    ) -> Result<Self, Failure> {
        let folder = DataFolder::new(&settings.data_dir);
        let contents = folder.contents()?;
        if contents == Contents::Nothing && opening == Opening::Existing {
            let root = folder.root().display();
            let advice = "start it once with `floatswitch serve` or name its folder in `data_dir`";
            return Err(Failure::cannot_start(format!(
                "{root} holds no switch: {advice}"
            )));
        }
        std::fs::create_dir_all(folder.root()).map_err(|error| {
            Failure::cannot_start(format!("create {}: {error}", folder.root().display()))
        })?;
        let lock = DataLock::acquire(folder.root()).map_err(Failure::start_error)?;
        let rules = plan::rules(settings)?;
        let hasher = hash_key(&folder, contents)?;
        let media = open_media(&folder.media(), &hasher, contents)?;
        let store = open_store(&folder.cards(), contents)?;
        let log = open_log(&folder, settings, contents, &store).await?;
        let bundles = BundleFolder::open(&folder.rules()).map_err(Failure::start_error)?;
        let router = Arc::<Router>::default();
        let (log, store) = (Arc::new(log), Arc::new(store));
        let parts = Parts {
            store: Arc::clone(&store),
            log: Arc::clone(&log),
            bundles: Arc::new(bundles) as Arc<dyn Bundles>,
            replies: Arc::clone(&router) as Arc<dyn command_log::ReplySink>,
            code_of,
            gates: Arc::new(PartitionGates::closed(log.log_id().partition_count)),
            skips: BTreeSet::new(),
            tracer,
            wall_clock: now,
        };
        let processor = Processor::start(parts, &plan::processor(settings), Takeover::Everything)
            .await
            .map_err(Failure::start_error)?;
        let media = Arc::new(media) as Arc<dyn MediaBook>;
        Ok(Self {
            log,
            store,
            media,
            hasher,
            processor,
            router,
            rules,
            _lock: lock,
        })
    }

    /// Puts the settings' rules and today's settlement day in force and lets commands in.
    pub(crate) async fn take_up(&self, settings: &Settings) -> Result<(), Failure> {
        self.processor
            .install_rules(&self.rules)
            .await
            .map_err(Failure::start_error)?;
        self.keep_days(settings).await?;
        self.processor.open_gates();
        Ok(())
    }

    /// Opens and freezes the settlement days that are due.
    pub(crate) async fn keep_days(&self, settings: &Settings) -> Result<(), Failure> {
        days::keep(settings, &self.processor.days())
            .await
            .map_err(Failure::start_error)
    }

    /// Where the connector looks things up.
    pub(crate) fn directory(&self, settings: &Settings) -> Result<Directory, Failure> {
        Ok(Directory {
            register: plan::register(settings)?,
            media: Arc::clone(&self.media),
            batches: Arc::new(StoreBatches(Arc::clone(&self.store))),
            days: Arc::new(LedDays(OwnDays(self.processor.days()))),
            hasher: self.hasher.clone(),
        })
    }

    pub(crate) fn partition_count(&self) -> u16 {
        self.log.log_id().partition_count
    }

    /// Has commands of this program's own desk decided.
    pub(crate) async fn ask(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, Failure> {
        let count = commands.len();
        let records = commands.into_iter().map(|mut command| {
            command.reply_to = Desk::ADDRESS;
            record_of(&command, self.partition_count())
        });
        self.log
            .submit(records.collect())
            .map_err(Failure::start_error)?;
        Ok(self.router.desk().take(count).await)
    }

    /// Decides what is in the log, makes a full checkpoint, and closes.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        self.processor
            .stop(STOP_PATIENCE)
            .await
            .map_err(Failure::start_error)?;
        self.log.close();
        Ok(())
    }
}

/// A command as the log takes it.
pub(crate) fn record_of(command: &Command, partition_count: u16) -> NewRecord {
    NewRecord {
        partition: partition_of(command.card, partition_count),
        kind: RecordKind::Command,
        payload: envelope::encode_command(command),
        trace: None,
    }
}

/// The wall clock, for local dates and the day's cut.
pub(crate) fn now() -> Timestamp {
    SystemClock::default().read().wall
}

pub(crate) fn code_of(outcome: Outcome) -> String {
    ResponseCode::of(outcome).as_str().to_owned()
}

fn hash_key(folder: &DataFolder, contents: Contents) -> Result<PanHasher, Failure> {
    let path = folder.pan_hash_key();
    match (contents, path.exists()) {
        (Contents::Nothing, false) => pan_hash_key::create(&path),
        (Contents::Nothing | Contents::Switch, _) => pan_hash_key::load(&path),
    }
    .map_err(Failure::start_error)
}

// What belongs to a switch is made with it and never again: an empty store under a log that has
// released its old segments would be missing money without a word.

fn open_media(path: &Path, hasher: &PanHasher, contents: Contents) -> Result<Media, Failure> {
    match (contents, path.exists()) {
        (Contents::Nothing, false) => Media::create(path, hasher),
        (Contents::Nothing | Contents::Switch, _) => Media::open(path, hasher),
    }
    .map_err(Failure::start_error)
}

fn open_store(path: &Path, contents: Contents) -> Result<EmbeddedStore, Failure> {
    let options = card_store_embedded::Options::default();
    match (contents, path.exists()) {
        (Contents::Nothing, false) => EmbeddedStore::create(path, &options),
        (Contents::Nothing | Contents::Switch, _) => EmbeddedStore::open(path, &options),
    }
    .map_err(Failure::start_error)
}

async fn open_log(
    folder: &DataFolder,
    settings: &Settings,
    contents: Contents,
    store: &EmbeddedStore,
) -> Result<EmbeddedLog, Failure> {
    let mut options = command_log_embedded::Options::new(settings.log.partition_count.get());
    options.segment_size = u64::from(settings.log.segment_size_mib.get()) * 1024 * 1024;
    if contents == Contents::Switch {
        return EmbeddedLog::open(&folder.log(), options).map_err(Failure::start_error);
    }
    // LOG-2: a new log under old cards would decide everything again from offset 0.
    if !store
        .checkpoints()
        .await
        .map_err(Failure::start_error)?
        .is_empty()
    {
        let root = folder.root().display();
        let message = format!("{root} has cards but no command log: restore a backup");
        return Err(Failure::cannot_start(message));
    }
    EmbeddedLog::create(&folder.log(), options).map_err(Failure::start_error)
}
