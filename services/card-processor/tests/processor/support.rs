//! A processor over in-memory log and store, with faults on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use card::{
    Card, CardId, Command, CreditSource, Day, Facts, Fingerprint, LegKey, MerchantId, OriginalRef,
    Outcome, PartitionId, Place, Position, Programme, ProgrammeId, Reply, ReplyTo, Request, Rules,
    TerminalId, Version,
};
use card_processor::{BundleFolder, Parts, Processor, ProcessorSettings, StartError, Takeover};
use card_store::memory::MemoryStore;
use card_store::{
    BatchItem, BatchName, CardStore, CardWrite, CutTotals, JournalRow, KeyName, NamedKey,
    PartitionCheckpoint, StoreError, StoredCard, WriteError,
};
use command_log::memory::{MEMORY_LOG_START, MemoryLog};
use command_log::{
    CommandLog as _, NewRecord, PartitionGates, RecordKind, ReplySink, TracedReply, envelope,
    partition_of,
};
use money::Amount;

pub(crate) const COMMAND: RecordKind = RecordKind::Command;
pub(crate) const PARTITIONS: u16 = 8;
/// The day that is open when a bench starts.
pub(crate) const DAY: Day = Day(20_000);

pub(crate) fn fen(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

pub(crate) fn yuan(yuan: u64) -> Amount {
    fen(yuan * 100)
}

pub(crate) fn card(number: u32) -> CardId {
    let mut own = [0u8; 14];
    own[10..].copy_from_slice(&number.to_be_bytes());
    CardId::new(1, own)
}

/// What goes wrong, and for which card.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    card: Mutex<Option<CardId>>,
    /// Writes of the card that panic.
    pub(crate) panics: AtomicU32,
    /// Writes of the card whose outcome stays unknown.
    pub(crate) unknown: AtomicU32,
    /// Whether its state reads as damaged.
    pub(crate) damaged: AtomicBool,
}

impl Faults {
    pub(crate) fn set_card(&self, card: CardId) {
        *self.card.lock() = Some(card);
    }

    fn hits(&self, card: CardId) -> bool {
        *self.card.lock() == Some(card)
    }
}

/// A memory store that can fail for one card.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    faults: Arc<Faults>,
    writes: AtomicU32,
}

impl CardStore for FaultyStore {
    type Frozen = <MemoryStore as CardStore>::Frozen;

    async fn load(&self, card: CardId) -> Result<Option<StoredCard>, StoreError> {
        if self.faults.hits(card) && self.faults.damaged.load(Ordering::SeqCst) {
            return Err(StoreError::Damaged("flipped bit".to_owned()));
        }
        self.inner.load(card).await
    }

    async fn find_key(&self, card: CardId, key: LegKey) -> Result<Option<Bytes>, StoreError> {
        self.inner.find_key(card, key).await
    }

    async fn find_offset(&self, card: CardId, offset: u64) -> Result<Option<Bytes>, StoreError> {
        self.inner.find_offset(card, offset).await
    }

    async fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        self.inner.rows_back(card, newest, max).await
    }

    async fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> Result<Vec<NamedKey>, StoreError> {
        self.inner.keys_after(card, after, max).await
    }

    async fn cards_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> Result<Vec<CardId>, StoreError> {
        self.inner.cards_after(after, max).await
    }

    async fn write(&self, write: CardWrite) -> Result<(), WriteError> {
        if self.faults.hits(write.card) {
            let left = self.faults.panics.load(Ordering::SeqCst);
            if left > 0 {
                self.faults.panics.store(left - 1, Ordering::SeqCst);
                panic!("injected");
            }
            let unknown = self.faults.unknown.load(Ordering::SeqCst);
            if unknown > 0 {
                self.faults.unknown.store(unknown - 1, Ordering::SeqCst);
                return Err(WriteError::Unknown("injected".to_owned()));
            }
        }
        self.inner.write(write).await?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn freeze(&self) -> Self::Frozen {
        self.inner.freeze()
    }

    fn checkpoint(
        &self,
        frozen: Self::Frozen,
        partitions: &[PartitionCheckpoint],
    ) -> Result<(), WriteError> {
        self.inner.checkpoint(frozen, partitions)
    }

    async fn checkpoints(&self) -> Result<Vec<PartitionCheckpoint>, StoreError> {
        self.inner.checkpoints().await
    }

    fn keep_cuts(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        self.inner.keep_cuts(cuts)
    }

    async fn cut_totals(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> Result<Vec<CutTotals>, StoreError> {
        self.inner.cut_totals(partition, from, max).await
    }

    fn keep_items(&self, items: &[BatchItem]) -> Result<(), WriteError> {
        self.inner.keep_items(items)
    }

    async fn batch_items(&self, batch: BatchName) -> Result<Vec<BatchItem>, StoreError> {
        self.inner.batch_items(batch).await
    }

    async fn keep_batch(&self, batch: BatchName, record: Bytes) -> Result<(), WriteError> {
        self.inner.keep_batch(batch, record).await
    }

    async fn batch(&self, batch: BatchName) -> Result<Option<Bytes>, StoreError> {
        self.inner.batch(batch).await
    }

    fn dirty_count(&self) -> usize {
        self.inner.dirty_count()
    }
}

/// Collects replies.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    taken: Mutex<Vec<Reply>>,
    versions: Mutex<Vec<Version>>,
}

impl Replies {
    pub(crate) fn taken(&self) -> Vec<Reply> {
        self.taken.lock().clone()
    }

    pub(crate) fn versions(&self) -> Vec<Version> {
        self.versions.lock().clone()
    }
}

impl ReplySink for Replies {
    fn deliver(&self, replies: &mut Vec<Reply>, _: &[TracedReply]) {
        self.versions
            .lock()
            .extend(replies.iter().filter_map(|reply| reply.version));
        self.taken.lock().append(replies);
    }
}

fn key(number: u32, trace: u32) -> LegKey {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key[8..].copy_from_slice(&trace.to_be_bytes());
    LegKey(key)
}

/// A processor with all that it works on.
pub(crate) struct Bench {
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) replies: Arc<Replies>,
    pub(crate) processor: Processor<FaultyStore, MemoryLog>,
    folder: Arc<tempfile::TempDir>,
}

fn settings() -> ProcessorSettings {
    ProcessorSettings {
        worker_count: 2,
        credits_per_partition: 64,
        live_cards_max: 16,
        idle_card: Duration::from_secs(60),
        checkpoint_interval: Duration::from_secs(3_600),
        dirty_cards_max: usize::MAX,
    }
}

pub(crate) fn rules() -> Rules {
    let programme = Programme {
        reversal_window_ms: 60_000,
        ..Programme::example()
    };
    Rules {
        utc_offset_minutes: 480,
        programmes: BTreeMap::from([(ProgrammeId(1), programme)]),
    }
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::start_with(Arc::default()).await
    }

    pub(crate) async fn start_with(faults: Arc<Faults>) -> Self {
        let log = Arc::new(MemoryLog::new(PARTITIONS));
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::open(log, MemoryStore::new(), folder, faults)
            .await
            .unwrap()
    }

    async fn open(
        log: Arc<MemoryLog>,
        store: MemoryStore,
        folder: Arc<tempfile::TempDir>,
        faults: Arc<Faults>,
    ) -> Result<Self, StartError> {
        let store = Arc::new(FaultyStore {
            inner: store,
            faults,
            writes: AtomicU32::new(0),
        });
        let bench = Self::take_over(log, store, folder, (Takeover::Everything, BTreeSet::new()));
        let bench = bench.await?;
        bench.processor.install_rules(&rules()).await.unwrap();
        bench.processor.cut(DAY).await.unwrap();
        Ok(bench)
    }

    async fn take_over(
        log: Arc<MemoryLog>,
        store: Arc<FaultyStore>,
        folder: Arc<tempfile::TempDir>,
        (takeover, skips): (Takeover, BTreeSet<Position>),
    ) -> Result<Self, StartError> {
        let replies = Arc::<Replies>::default();
        let parts = Parts {
            store: Arc::clone(&store),
            log: Arc::clone(&log),
            bundles: Arc::new(BundleFolder::open(folder.path()).unwrap()),
            replies: Arc::clone(&replies) as Arc<dyn ReplySink>,
            code_of: |outcome| outcome.number().to_string(),
            gates: Arc::new(PartitionGates::closed(PARTITIONS)),
            skips,
            tracer: telemetry::Tracer::off(),
            wall_clock: || MEMORY_LOG_START,
        };
        let processor = Processor::start(parts, &settings(), takeover).await?;
        processor.open_gates();
        Ok(Self {
            log,
            store,
            replies,
            processor,
            folder,
        })
    }

    /// Everything in memory is gone; log and store are as a crash leaves them.
    pub(crate) async fn crash(self) -> Self {
        let (log, store) = (Arc::new(self.log.crash()), self.store.inner.crash());
        Self::open(log, store, self.folder, Arc::default())
            .await
            .unwrap()
    }

    pub(crate) async fn crash_to_error(self) -> StartError {
        let (log, store) = (Arc::new(self.log.crash()), self.store.inner.crash());
        match Self::open(log, store, self.folder, Arc::default()).await {
            Ok(_) => panic!("started"),
            Err(error) => error,
        }
    }

    /// Another owner of one card's partition, on the same log and store.
    pub(crate) async fn owner_of(&self, number: u32, skips: &[Position]) -> Self {
        let takeover = Takeover::Partition(self.partition(number));
        let (log, store) = (Arc::clone(&self.log), Arc::clone(&self.store));
        let skips = skips.iter().copied().collect();
        Self::take_over(log, store, Arc::clone(&self.folder), (takeover, skips))
            .await
            .unwrap()
    }

    /// The next owner of one card's partition, after a planned handover. Also tells how many
    /// replies the first one released.
    pub(crate) async fn handed_over(self, number: u32, skips: &[Position]) -> (Self, usize) {
        let takeover = Takeover::Partition(self.partition(number));
        let patience = Duration::from_secs(5);
        self.processor.hand_over(patience).await.unwrap();
        let released = self.replies.taken().len();
        let skips = skips.iter().copied().collect();
        let next = Self::take_over(self.log, self.store, self.folder, (takeover, skips));
        (next.await.unwrap(), released)
    }

    pub(crate) fn writes(&self) -> u32 {
        self.store.writes.load(Ordering::SeqCst)
    }

    /// A clean stop and start, with faults from then on.
    pub(crate) async fn reopen(self, faults: Arc<Faults>) -> Self {
        let (log, store, folder) = (self.log, self.store, self.folder);
        self.processor.stop(Duration::from_secs(5)).await.unwrap();
        let (log, store) = (Arc::new(log.crash()), store.inner.crash());
        Self::open(log, store, folder, faults).await.unwrap()
    }

    pub(crate) async fn stop(self) {
        self.processor.stop(Duration::from_secs(5)).await.unwrap();
    }

    pub(crate) fn partition(&self, number: u32) -> PartitionId {
        partition_of(card(number), PARTITIONS)
    }

    pub(crate) async fn issue(&self, number: u32, amount: Amount) {
        let programme = ProgrammeId(1);
        let source = CreditSource::Transfer;
        self.submit(
            number,
            1 << 20,
            Request::Issue {
                programme,
                expiry: 0,
                amount,
                source,
            },
        );
        assert_eq!(self.outcomes(1).await, [Outcome::Approved]);
    }

    pub(crate) fn purchase(&self, number: u32, trace: u32, amount: Amount) {
        self.submit(number, trace, Request::Purchase { amount });
    }

    /// Undoes the request with the trace of the original.
    pub(crate) fn reversal(&self, number: u32, (trace, original): (u32, u32), amount: Amount) {
        let original = OriginalRef {
            key: Some(key(number, original)),
            ..OriginalRef::default()
        };
        self.submit(number, trace, Request::Reversal { amount, original });
    }

    fn submit(&self, number: u32, trace: u32, request: Request) {
        let command = Command {
            card: card(number),
            medium: 0,
            key: key(number, trace),
            fingerprint: Fingerprint(u64::from(trace)),
            place: Place {
                acquirer: card::AcquirerId::NOBODY,
                merchant: MerchantId(*b"898999954110001"),
                terminal: TerminalId(*b"70000001"),
                batch: 0,
                trace: 0,
            },
            request,
            facts: Facts::default(),
            reply_to: ReplyTo::NOBODY,
        };
        let record = NewRecord {
            partition: self.partition(number),
            kind: RecordKind::Command,
            payload: envelope::encode_command(&command),
            trace: None,
        };
        self.log.submit(vec![record]).unwrap();
    }

    /// Waits for replies, all of them approvals, and takes the days that they count for.
    pub(crate) async fn days(&self, count: usize) -> Vec<Day> {
        let replies = self.replies(count).await;
        assert!(replies.iter().all(|reply| reply.outcome.is_approved()));
        replies.iter().map(|reply| reply.day).collect()
    }

    /// Waits for replies and takes them.
    pub(crate) async fn outcomes(&self, count: usize) -> Vec<Outcome> {
        let replies = self.replies(count).await;
        replies.iter().map(|reply| reply.outcome).collect()
    }

    async fn replies(&self, count: usize) -> Vec<Reply> {
        self.until(|| self.replies.taken.lock().len() >= count)
            .await;
        let taken = std::mem::take(&mut *self.replies.taken.lock());
        assert_eq!(taken.len(), count, "more replies than requests");
        taken
    }

    /// Waits until the store has seen so many writes since the start.
    pub(crate) async fn decided(&self, writes: u32) {
        self.until(|| self.store.writes.load(Ordering::SeqCst) >= writes)
            .await;
    }

    pub(crate) async fn until(&self, mut condition: impl FnMut() -> bool) {
        let wait = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait)
            .await
            .expect("it never came");
    }

    pub(crate) async fn card(&self, number: u32) -> Card {
        let stored = self
            .store
            .load(card(number))
            .await
            .unwrap()
            .expect("card is there");
        Card::decode(&stored.body).unwrap()
    }
}
