//! A small switch in memory with a long past: every kind of transaction, keys that left the ring,
//! trace numbers that came round again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::transfer::archive::{Archive, hex};
use crate::transfer::export::{self, Exported, Source};
use crate::transfer::target::key_check;
use card::{
    CardId, Command, CompletionForm, CreditSource, Day, Facts, Fingerprint, LegKey, LossForm,
    MerchantId, OriginalRef, PartitionId, Place, Programme, ProgrammeId, Reply, ReplyTo, Request,
    Rules, TerminalId, Timestamp,
};
use card_processor::{BundleFolder, Parts, Processor, ProcessorSettings, Takeover};
use card_store::memory::MemoryStore;
use command_log::memory::{MEMORY_LOG_START, MemoryLog};
use command_log::{
    CommandLog as _, NewRecord, PartitionGates, RecordKind, ReplySink, TracedReply, envelope,
    partition_of,
};
use money::Amount;
use pan::{Expiry, Pan, PanHasher};
use registry::{Media, Medium, RegisteredMedium};

pub(super) const PARTITIONS: u16 = 4;
pub(super) const CARDS: u8 = 5;
pub(super) const KEY: [u8; 32] = [7; 32];
const PROGRAMME: ProgrammeId = ProgrammeId(1);
const DAY_MS: i64 = 86_400_000;
/// More than the ring holds, so that the older half leaves it.
const ROUND: u32 = 90;
/// Trace number of a sale that comes after its reversal.
const EARLY: u32 = 500;

/// The switch, stopped.
pub(super) struct World {
    pub(super) store: Arc<MemoryStore>,
    pub(super) media: Media,
    pub(super) folder: tempfile::TempDir,
    log: Arc<MemoryLog>,
    bundles: Arc<BundleFolder>,
}

pub(super) fn card(number: u8) -> CardId {
    CardId::new(1, [number; 14])
}

pub(super) fn hasher() -> PanHasher {
    PanHasher::new(&KEY)
}

fn fen(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

fn rules() -> Rules {
    let programme = Programme {
        reversal_window_ms: 60_000,
        refund_repeat_ms: 1,
        key_retention_ms: DAY_MS,
        ..Programme::example()
    };
    Rules {
        utc_offset_minutes: 480,
        programmes: BTreeMap::from([(PROGRAMME, programme)]),
    }
}

fn key(trace: u32) -> LegKey {
    let mut key = [9; 12];
    key[8..].copy_from_slice(&trace.to_be_bytes());
    LegKey(key)
}

fn of(trace: u32) -> OriginalRef {
    OriginalRef {
        key: Some(key(trace)),
        ..OriginalRef::default()
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let log = Arc::new(MemoryLog::new(PARTITIONS));
        let folder = tempfile::tempdir().unwrap();
        let media = Media::create(&folder.path().join("media"), &hasher()).unwrap();
        media
            .add_media(&(1..=CARDS).map(medium).collect::<Vec<_>>())
            .unwrap();
        let bundles = Arc::new(BundleFolder::open(&folder.path().join("rules")).unwrap());
        let world = Self {
            store: Arc::new(MemoryStore::new()),
            media,
            folder,
            log,
            bundles,
        };
        world.live().await;
        world
    }

    async fn live(&self) {
        let replies = Arc::<Replies>::default();
        let parts = Parts {
            store: Arc::clone(&self.store),
            log: Arc::clone(&self.log),
            bundles: Arc::clone(&self.bundles) as Arc<dyn card_processor::Bundles>,
            replies: Arc::clone(&replies) as Arc<dyn ReplySink>,
            code_of: |outcome| outcome.number().to_string(),
            gates: Arc::new(PartitionGates::closed(PARTITIONS)),
            skips: BTreeSet::new(),
            tracer: telemetry::Tracer::off(),
            wall_clock: || Timestamp(MEMORY_LOG_START.0 + 9 * DAY_MS),
        };
        let settings = settings();
        let processor = Processor::start(parts, &settings, Takeover::Everything);
        let processor = processor.await.unwrap();
        processor.install_rules(&rules()).await.unwrap();
        processor.cut(Day(20_000)).await.unwrap();
        processor.open_gates();
        for number in 1..=CARDS {
            self.first_round(number);
            processor.folded().await;
        }
        // The keys of the first round are old enough to be used again.
        self.log
            .set_time(Timestamp(MEMORY_LOG_START.0 + 9 * DAY_MS));
        processor.cut(Day(20_009)).await.unwrap();
        for number in 2..=CARDS {
            self.second_round(number);
            processor.folded().await;
        }
        assert_eq!(processor.stopped(), []);
        processor.stop(Duration::from_secs(20)).await.unwrap();
        let count = replies.count.load(Ordering::SeqCst);
        assert!(count > 800, "{count} answers");
    }

    fn first_round(&self, number: u8) {
        let issue = Request::Issue {
            programme: PROGRAMME,
            expiry: 0,
            amount: fen(100_000),
            source: CreditSource::Transfer,
        };
        self.ask(number, 1_000, issue);
        if number == 1 {
            return; // Sold and never used.
        }
        // Reversals that come first: two keys are of one record then.
        let amount = fen(50);
        self.ask(
            number,
            EARLY + 1,
            Request::Reversal {
                amount,
                original: of(EARLY),
            },
        );
        self.ask(
            number,
            EARLY + 3,
            Request::Reversal {
                amount,
                original: of(EARLY + 2),
            },
        );
        self.ask(number, 600, Request::PreAuth { amount: fen(900) });
        for trace in 0..ROUND {
            self.ask(
                number,
                trace,
                Request::Purchase {
                    amount: fen(100 + u64::from(trace)),
                },
            );
        }
        self.every_kind(number);
    }

    fn every_kind(&self, number: u8) {
        let form = CompletionForm::Request;
        let source = CreditSource::Cash;
        let too_much = Request::Purchase {
            amount: fen(900_000),
        };
        let hold = Request::PreAuth { amount: fen(500) };
        let loss = Request::ReportLoss {
            form: LossForm::Formal,
        };
        let steps = [
            (
                601,
                Request::Completion {
                    amount: fen(700),
                    original: of(600),
                    form,
                },
            ),
            (
                602,
                Request::Refund {
                    amount: fen(60),
                    original: of(3),
                },
            ),
            (
                603,
                Request::Void {
                    amount: fen(189),
                    original: of(89),
                },
            ),
            (
                604,
                Request::Reversal {
                    amount: fen(188),
                    original: of(88),
                },
            ),
            (605, hold),
            (
                606,
                Request::PreAuthVoid {
                    amount: fen(500),
                    original: of(605),
                },
            ),
            (
                607,
                Request::DirectCredit {
                    amount: fen(5_000),
                    source,
                },
            ),
            (
                608,
                Request::CompletionVoid {
                    amount: fen(700),
                    original: of(601),
                },
            ),
            (609, too_much),
            (610, loss),
            (611, Request::LiftLoss),
            (612, Request::PreAuth { amount: fen(300) }),
            (EARLY, Request::Purchase { amount: fen(50) }),
        ];
        for (trace, request) in steps {
            self.ask(number, trace, request);
        }
    }

    /// The same trace numbers again; then a sale of the first round, whose key is a younger one's by
    /// now, is refunded by its RRN and so comes back under a key of its own.
    fn second_round(&self, number: u8) {
        for trace in 0..ROUND {
            self.ask(
                number,
                trace,
                Request::Purchase {
                    amount: fen(1 + u64::from(trace)),
                },
            );
        }
        let amount = fen(50);
        self.ask(
            number,
            701,
            Request::Reversal {
                amount,
                original: of(700),
            },
        );
        let first_sale = self.first_sale(number);
        for trace in 800..810 {
            let original = OriginalRef {
                offset: Some(first_sale),
                ..OriginalRef::default()
            };
            self.ask(
                number,
                trace,
                Request::Refund {
                    amount: fen(1),
                    original,
                },
            );
        }
        for trace in 900..900 + u32::from(number) * 14 {
            self.ask(number, trace, Request::Purchase { amount: fen(1) });
        }
    }

    /// The record of the sale with trace 0 of the first round.
    fn first_sale(&self, number: u8) -> u64 {
        let rows = card_store::contract::ready(card_store::CardStore::rows_back(
            &*self.store,
            card(number),
            Some(card::Version(5)),
            1,
        ));
        let row = card::Row::decode(&rows.unwrap()[0].bytes).unwrap();
        assert_eq!(row.key, key(0));
        row.position.offset
    }

    fn ask(&self, number: u8, trace: u32, request: Request) {
        let command = Command {
            card: card(number),
            medium: 0,
            key: key(trace),
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
            partition: partition_of(card(number), PARTITIONS),
            kind: RecordKind::Command,
            payload: envelope::encode_command(&command),
            trace: None,
        };
        self.log.submit(vec![record]).unwrap();
    }

    pub(super) fn source(&self) -> Source<'_, MemoryStore> {
        let partitions = (0..PARTITIONS).map(PartitionId);
        Source {
            store: &self.store,
            media: &self.media,
            bundles: &*self.bundles,
            log_id: self.log.log_id().clone(),
            ends: partitions.map(|id| self.log.end_offset(id)).collect(),
            programmes: BTreeSet::new(),
            pan_hash_key_check: hex(key_check(&hasher()).unwrap().as_bytes()),
        }
    }

    pub(super) fn out(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    pub(super) async fn export(&self) -> Archive {
        match export::from(&self.source(), &self.out()).await.unwrap() {
            Exported::Archive(archive) => *archive,
            Exported::NotClean(findings) => panic!("{findings:?}"),
        }
    }
}

/// Copies an archive, so that a test may spoil it.
pub(super) fn copied(archive: &Archive, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(&archive.folder).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

pub(super) fn pan(number: u8) -> Pan {
    Pan::from_bin_and_serial("629999", u64::from(number), 16).unwrap()
}

fn medium(number: u8) -> RegisteredMedium {
    let pan = pan(number);
    RegisteredMedium {
        hash: hasher().hash(&pan),
        medium: Medium {
            card: card(number),
            number: 0,
            bin: *b"629999",
            last_four: *pan.last_four().as_bytes().first_chunk().unwrap(),
            programme: PROGRAMME,
            expiry: Some(Expiry::parse(b"3012").unwrap()),
        },
    }
}

fn settings() -> ProcessorSettings {
    ProcessorSettings {
        worker_count: 1,
        credits_per_partition: 256,
        live_cards_max: 16,
        idle_card: Duration::from_secs(60),
        checkpoint_interval: Duration::from_secs(3_600),
        dirty_cards_max: usize::MAX,
    }
}

/// Counts the answers.
#[derive(Debug, Default)]
struct Replies {
    count: AtomicUsize,
}

impl ReplySink for Replies {
    fn deliver(&self, replies: &mut Vec<Reply>, _: &[TracedReply]) {
        self.count.fetch_add(replies.len(), Ordering::SeqCst);
        replies.clear();
    }
}
