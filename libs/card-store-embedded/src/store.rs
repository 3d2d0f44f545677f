//! The adapter: journal, LSM tree and overlay behind the port.

use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use crate::checkpoint::{self, LastCheckpoint, Parts, StepHook};
use crate::cuts::{self, KeptCuts};
use crate::journal::{Address, Journal};
use crate::lsm::Lsm;
use crate::mark::{self, CheckpointMark};
use crate::metric_names::{CARD_LOADS_TOTAL, CHECKPOINT_SECONDS, DIRTY_CARDS};
use crate::options::{OpenError, Options};
use crate::overlay::{Frozen, Overlay};
use card::{CardId, LegKey, PartitionId, Version};
use card_store::{
    BatchItem, BatchName, CardStore, CardWrite, CutTotals, JournalRow, KeyName, NamedKey,
    PartitionCheckpoint, StoreError, StoredCard, WriteError,
};

/// Where reading a card's history stopped is remembered for so many readers.
const RESUME_POINTS_MAX: usize = 1_024;

/// A card store in one folder. One process at a time can open it.
///
/// A card is written by one task at a time, its actor: two writes of one card must not run at
/// once. Different cards may be written from as many threads as there are.
#[derive(Debug)]
pub struct EmbeddedStore {
    journal: Journal,
    lsm: Lsm,
    cuts: KeptCuts,
    overlay: Overlay,
    /// Last rows of cards that have left the overlay, as the last checkpoint wrote them. Only a
    /// checkpoint fills it, so an entry is never older than the LSM tree.
    heads: Cache<CardId, Address>,
    /// Rows at which an earlier [`CardStore::rows_back`] stopped; rows never move.
    resume_points: Cache<(CardId, Version), Address>,
    /// Locked while a checkpoint runs.
    mark: Mutex<CheckpointMark>,
    last_checkpoint: Mutex<Option<LastCheckpoint>>,
    batch_size: usize,
}

/// Where the parts of a store are.
struct Places {
    lsm: PathBuf,
    journal: PathBuf,
    mark: PathBuf,
    cuts: PathBuf,
}

impl Places {
    fn below(folder: &Path) -> Self {
        Self {
            lsm: folder.join("lsm"),
            journal: folder.join("journal"),
            mark: folder.join(mark::FILE_NAME),
            cuts: folder.join(cuts::FILE_NAME),
        }
    }
}

/// What `doctor` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Journal segments.
    pub segment_count: u32,
    /// Bytes of the journal, with what waits in memory.
    pub journal_size: u64,
    /// Bytes of the LSM tree.
    pub lsm_size: u64,
    /// Cards in the LSM tree; those that changed lately count more than once.
    pub card_count_approximate: usize,
    /// Cards written since the last freeze.
    pub dirty_count: usize,
    /// The last checkpoint of this process.
    pub last_checkpoint: Option<LastCheckpoint>,
}

impl EmbeddedStore {
    /// Makes a new store in this folder, which is created if need be.
    ///
    /// # Errors
    /// [`OpenError::AlreadyThere`] when there is one; the others as they say.
    pub fn create(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        options.validate()?;
        let places = Places::below(folder);
        if places.lsm.exists() || places.journal.exists() {
            return Err(OpenError::AlreadyThere(folder.to_owned()));
        }
        std::fs::create_dir_all(&places.lsm).map_err(OpenError::io("create", &places.lsm))?;
        let lsm = Lsm::create(&places.lsm, options)?;
        let mark = CheckpointMark::create(&places.mark)?;
        let cuts = KeptCuts::create(&places.cuts)?;
        // Last, so that a store that has it is whole.
        std::fs::create_dir(&places.journal).map_err(OpenError::io("create", &places.journal))?;
        std::fs::File::open(folder)
            .and_then(|opened| opened.sync_all())
            .map_err(OpenError::io("sync", folder))?;
        Self::assemble((lsm, cuts), mark, &places, options)
    }

    /// Opens the store of this folder as its last checkpoint left it. What was written later is
    /// gone; the fold of the log writes it again.
    ///
    /// # Errors
    /// [`OpenError::NotThere`] when there is none; the others as they say.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        options.validate()?;
        let places = Places::below(folder);
        match (places.lsm.exists(), places.journal.exists()) {
            (true, true) => {}
            (false, false) => return Err(OpenError::NotThere(folder.to_owned())),
            (_, _) => return Err(OpenError::Incomplete(folder.to_owned())),
        }
        let lsm = Lsm::open(&places.lsm, options)?;
        let mut mark = CheckpointMark::open(&places.mark)?;
        mark.check(lsm.checkpoint_number()?)?;
        let cuts = KeptCuts::open(&places.cuts)?;
        Self::assemble((lsm, cuts), mark, &places, options)
    }

    fn assemble(
        (lsm, cuts): (Lsm, KeptCuts),
        mark: CheckpointMark,
        places: &Places,
        options: &Options,
    ) -> Result<Self, OpenError> {
        // The LSM tree is open and locked, so nobody else appends to the journal.
        let journal_end = lsm.journal_end()?;
        let journal = Journal::open(&places.journal, journal_end, options.segment_size_max)?;
        Ok(Self {
            journal,
            lsm,
            cuts,
            overlay: Overlay::new(),
            heads: Cache::new(options.heads_cached_max),
            resume_points: Cache::new(RESUME_POINTS_MAX),
            mark: Mutex::new(mark),
            last_checkpoint: Mutex::new(None),
            batch_size: options.checkpoint_batch_size,
        })
    }

    /// Counts what is there.
    ///
    /// # Errors
    /// When the size of the LSM tree cannot be read.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let (segment_count, journal_size) = self.journal.size();
        Ok(Stats {
            segment_count,
            journal_size,
            lsm_size: self.lsm.disk_size()?,
            card_count_approximate: self.lsm.card_count_approximate(),
            dirty_count: self.overlay.live_count(),
            last_checkpoint: *self.last_checkpoint.lock(),
        })
    }

    pub(crate) fn checkpoint_with(
        &self,
        frozen: &Frozen,
        partitions: &[PartitionCheckpoint],
        hook: StepHook<'_>,
    ) -> Result<(), WriteError> {
        // Held to the end: checkpoints come one after the other.
        let mut mark = self.mark.lock();
        let began_at = Instant::now();
        let parts = Parts {
            journal: &self.journal,
            lsm: &self.lsm,
            overlay: &self.overlay,
            mark: &mut mark,
            batch_size: self.batch_size,
        };
        let card_count = checkpoint::run(parts, frozen, partitions, hook)?;
        self.overlay
            .release(frozen, |card, head| self.heads.insert(card, head));
        let ended_at = Instant::now();
        metrics::histogram!(CHECKPOINT_SECONDS).record(ended_at - began_at);
        self.tell_dirty_cards();
        *self.last_checkpoint.lock() = Some(LastCheckpoint {
            card_count,
            began_at,
            ended_at,
        });
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn waiting_count(&self) -> usize {
        self.overlay.waiting_count()
    }

    fn tell_dirty_cards(&self) {
        let count = u32::try_from(self.overlay.waiting_count()).unwrap_or(u32::MAX);
        metrics::gauge!(DIRTY_CARDS).set(count);
    }

    /// The address of the card's last row, `NONE` for a new card.
    fn head_of(&self, card: CardId) -> Result<Address, StoreError> {
        if let Some(head) = self.overlay.find(card, |pending| Some(pending.head)) {
            return Ok(head);
        }
        if let Some(head) = self.heads.get(&card) {
            return Ok(head);
        }
        Ok(self.lsm.load(card)?.map_or(Address::NONE, |(_, head)| head))
    }

    /// The version and address of the card's last row.
    fn last_row(&self, card: CardId) -> Result<Option<(Version, Address)>, StoreError> {
        let pending = |state: &StoredCard, head| (state.version, head);
        if let Some(found) = self
            .overlay
            .find(card, |found| Some(pending(&found.state, found.head)))
        {
            return Ok(Some(found));
        }
        Ok(self
            .lsm
            .load(card)?
            .map(|(state, head)| pending(&state, head)))
    }
}

impl CardStore for EmbeddedStore {
    type Frozen = Frozen;

    async fn load(&self, card: CardId) -> Result<Option<StoredCard>, StoreError> {
        if let Some(state) = self
            .overlay
            .find(card, |pending| Some(pending.state.clone()))
        {
            metrics::counter!(CARD_LOADS_TOTAL, "source" => "overlay").increment(1);
            return Ok(Some(state));
        }
        let found = self.lsm.load(card)?;
        let source = if found.is_some() { "disk" } else { "none" };
        metrics::counter!(CARD_LOADS_TOTAL, "source" => source).increment(1);
        Ok(found.map(|(state, _)| state))
    }

    async fn find_key(&self, card: CardId, key: LegKey) -> Result<Option<Bytes>, StoreError> {
        match self
            .overlay
            .find(card, |pending| pending.by_key.get(&key).cloned())
        {
            Some(row) => Ok(Some(row)),
            None => self.lsm.find_key(card, key),
        }
    }

    async fn find_offset(&self, card: CardId, offset: u64) -> Result<Option<Bytes>, StoreError> {
        match self
            .overlay
            .find(card, |pending| pending.by_offset.get(&offset).cloned())
        {
            Some(row) => Ok(Some(row)),
            None => self.lsm.find_offset(card, offset),
        }
    }

    async fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        let Some((mut version, mut address)) = self.last_row(card)? else {
            return Ok(Vec::new());
        };
        let newest = newest.unwrap_or(version);
        if let Some(resume_at) = self.resume_points.get(&(card, newest)) {
            (version, address) = (newest, resume_at);
        }
        let mut rows = Vec::new();
        while address != Address::NONE && rows.len() < max {
            let found = self.journal.read(address, card, version)?;
            if version <= newest {
                rows.push(found.row);
            }
            // STORE-6: the versions of a card have no gaps, so this one must be there.
            version = Version(version.0.saturating_sub(1));
            address = found.previous;
        }
        if address != Address::NONE {
            self.resume_points.insert((card, version), address);
        }
        Ok(rows)
    }

    async fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> Result<Vec<NamedKey>, StoreError> {
        // The overlay first: what leaves it meanwhile is in the LSM tree by then.
        let newer = self.overlay.keys_after(card, after, max);
        let mut keys = self.lsm.keys_after(card, after, max)?;
        keys.extend(newer);
        let keys = keys.into_iter().take(max);
        Ok(keys.map(|(name, bytes)| NamedKey { name, bytes }).collect())
    }

    async fn cards_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> Result<Vec<CardId>, StoreError> {
        // The overlay first: what leaves it meanwhile is in the LSM tree by then.
        let mut ids = self.overlay.ids_after(after, max);
        ids.extend(self.lsm.ids_after(after, max)?);
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(max);
        Ok(ids)
    }

    async fn write(&self, write: CardWrite) -> Result<(), WriteError> {
        let CardWrite {
            card,
            state,
            rows,
            keys,
        } = write;
        debug_assert_eq!(
            rows.last().map(|row| row.version),
            Some(state.version),
            "the last row is the state's"
        );
        let head = self
            .head_of(card)
            .map_err(|error| WriteError::Stopped(error.to_string()))?;
        let head = self.journal.append(card, &rows, head)?;
        // One insert under one lock makes state, rows and keys visible together (STORE-1).
        self.overlay.put(card, state, head, keys);
        Ok(())
    }

    fn freeze(&self) -> Frozen {
        self.tell_dirty_cards();
        self.overlay.freeze()
    }

    fn checkpoint(
        &self,
        frozen: Frozen,
        partitions: &[PartitionCheckpoint],
    ) -> Result<(), WriteError> {
        self.checkpoint_with(&frozen, partitions, &|_| Ok(()))
    }

    async fn checkpoints(&self) -> Result<Vec<PartitionCheckpoint>, StoreError> {
        self.lsm.checkpoints()
    }

    fn keep_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        self.cuts.keep(cuts)
    }

    async fn cut_totals(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> Result<Vec<CutTotals>, StoreError> {
        Ok(self.cuts.cut_totals(partition, from, max))
    }

    fn keep_items(&self, items: &[BatchItem]) -> Result<(), WriteError> {
        if items.is_empty() {
            return Ok(());
        }
        self.lsm.keep_items(items)
    }

    async fn batch_items(&self, batch: BatchName) -> Result<Vec<BatchItem>, StoreError> {
        self.lsm.batch_items(batch)
    }

    async fn keep_batch(&self, batch: BatchName, record: Bytes) -> Result<(), WriteError> {
        self.lsm.keep_batch(batch, &record)
    }

    async fn batch(&self, batch: BatchName) -> Result<Option<Bytes>, StoreError> {
        self.lsm.settled_batch(batch)
    }

    fn dirty_count(&self) -> usize {
        self.overlay.live_count()
    }
}
