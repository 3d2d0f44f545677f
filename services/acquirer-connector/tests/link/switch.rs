//! A connector with its register and log; the test decides in the cards' place.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::metering::Meter;
use crate::peer::{PATIENCE, Peer};
use crate::requests::{CARD_A, CARD_B, MERCHANT};
use acquirer_connector::{
    BatchSettlement, Connector, ConnectorSettings, CutOver, DayNotOpened, DayReconciliation,
    Directory, Later, ListenerSettings, StoreBatches, SwitchDays,
};
use card::{
    CardId, Command, Day, DeclineReason, FeeTerms, Outcome, PartitionId, Position, Reply,
    Timestamp, Version,
};
use card_store::memory::MemoryStore;
use command_log::memory::{MemoryConsumer, MemoryLog};
use command_log::{CommandLog, LogConsumer, PartitionGates, ReplySink, envelope};
use iso8583::Dialect;
use link::SignOn;
use pan::{Pan, PanHasher};
use registry::{
    Media, Medium, Merchant, Participant, ParticipantId, Register, RegisteredMedium, Terminal,
    merchant_id, terminal_id,
};

pub(crate) const ACQUIRER: &str = "69980290";
pub(crate) const PARTITION_COUNT: u16 = 8;
/// 2026-05-11 11:30:05 UTC, 19:30:05 in China.
pub(crate) const NOW: Timestamp = Timestamp(1_778_499_005_000);
/// 2026-05-12: after cut-over.
pub(crate) const TODAY: Day = Day(20_585);

pub(crate) struct Switch {
    pub(crate) connector: Connector,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) gates: Arc<PartitionGates>,
    pub(crate) meter: Meter,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) days: Arc<OpenedDays>,
    consumer: MemoryConsumer,
    waiting: VecDeque<(Position, Command)>,
    _folder: TempDir,
}

pub(crate) fn listener() -> ListenerSettings {
    ListenerSettings {
        acquirer: ParticipantId::parse(ACQUIRER).unwrap(),
        name: "test acquirer".to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        dialect: Dialect::pos(),
        connections_max: 64,
        in_flight_max: 64,
        frame_size_max: 1_024,
        idle_timeout: Duration::from_secs(600),
        read_timeout: Duration::from_secs(600),
        reply_timeout: Duration::from_secs(600),
        batch_settlement: BatchSettlement::Offered,
        day_reconciliation: DayReconciliation::NotOffered,
        cut_over: CutOver::IsNoted,
        terminal_parameters: Arc::from(b"1260132022SUPERMARKET".as_slice()),
        sign_on: SignOn::Optional,
    }
}

pub(crate) fn card(number: u8) -> CardId {
    CardId::new(1, [number; 14])
}

/// What connects a test's listener to its log: the log itself, or one with a fault.
pub(crate) async fn start_with<L: CommandLog>(
    listener: ListenerSettings,
    log: Arc<MemoryLog>,
    submit_to: Arc<L>,
) -> Switch {
    let folder = tempfile::tempdir().unwrap();
    let gates = Arc::new(PartitionGates::closed(PARTITION_COUNT));
    let partitions = (0..PARTITION_COUNT).map(PartitionId);
    partitions
        .clone()
        .for_each(|partition| gates.open(partition));
    let starts: Vec<_> = partitions.map(|partition| (partition, 0)).collect();
    let settings = ConnectorSettings {
        reply_partition: 0,
        tracer: telemetry::Tracer::off(),
        issuer: ParticipantId::parse("69990001").unwrap(),
        utc_offset_minutes: 480,
        listeners: vec![listener],
    };
    let store = Arc::new(MemoryStore::new());
    let days = Arc::<OpenedDays>::default();
    let meter = Meter::default();
    let metered = metrics::set_default_local_recorder(&meter);
    let connector = Connector::start(
        settings,
        submit_to,
        directory(&folder, &store, &days),
        Arc::clone(&gates),
        Arc::new(|| NOW),
    )
    .await
    .unwrap();
    drop(metered);
    let consumer = log.consume(&starts).unwrap();
    Switch {
        connector,
        log,
        gates,
        meter,
        store,
        days,
        consumer,
        waiting: VecDeque::new(),
        _folder: folder,
    }
}

/// The days that a network had opened; none is, while it is broken.
#[derive(Debug, Default)]
pub(crate) struct OpenedDays {
    pub(crate) opened: Mutex<Vec<Day>>,
    pub(crate) is_broken: AtomicBool,
}

impl SwitchDays for OpenedDays {
    fn open(&self, day: Day) -> Later<'_, Result<(), DayNotOpened>> {
        Box::pin(async move {
            if self.is_broken.load(Ordering::Relaxed) {
                return Err(DayNotOpened("no log".to_owned()));
            }
            self.opened.lock().push(day);
            Ok(())
        })
    }
}

fn directory(folder: &TempDir, store: &Arc<MemoryStore>, days: &Arc<OpenedDays>) -> Directory {
    let hasher = PanHasher::new(&[7; 32]);
    let media = Media::create(&folder.path().join("media"), &hasher).unwrap();
    let entries: Vec<_> = [(1, CARD_A), (2, CARD_B)]
        .into_iter()
        .map(|(number, digits)| RegisteredMedium {
            hash: hasher.hash(&Pan::parse(digits.as_bytes()).unwrap()),
            medium: Medium {
                card: card(number),
                number: 0,
                bin: *b"629999",
                last_four: digits.as_bytes()[digits.len() - 4..].try_into().unwrap(),
                programme: card::ProgrammeId(1),
                expiry: None,
            },
        })
        .collect();
    media.add_media(&entries).unwrap();
    Directory {
        register: Arc::new(register()),
        media: Arc::new(media),
        batches: Arc::new(StoreBatches(Arc::clone(store))),
        days: Arc::clone(days) as Arc<dyn SwitchDays>,
        hasher,
    }
}

pub(crate) const FEE: FeeTerms = FeeTerms {
    rate_ppm: 3_800,
    fixed_minor: 0,
    min_minor: 0,
    max_minor: 2_600,
};

fn register() -> Register {
    let acquirer = ParticipantId::parse(ACQUIRER).unwrap();
    let merchant = |id: &str, group| Merchant {
        id: merchant_id(id).unwrap(),
        name: "shop".to_owned(),
        category: 5_411,
        group,
        online_allowed: false,
        fee: FEE,
    };
    let terminals = Terminal {
        participant: acquirer,
        first: terminal_id("70000001").unwrap(),
        last: terminal_id("70000999").unwrap(),
        merchant: merchant_id(MERCHANT).unwrap(),
    };
    Register::new(
        vec![Participant {
            id: acquirer,
            name: "test acquirer".to_owned(),
        }],
        vec![merchant(MERCHANT, 3), merchant("898999954110002", 0)],
        vec![terminals],
    )
    .unwrap()
}

impl Switch {
    pub(crate) async fn start(change: impl FnOnce(&mut ListenerSettings)) -> Self {
        let mut settings = listener();
        change(&mut settings);
        let log = Arc::new(MemoryLog::new(PARTITION_COUNT));
        start_with(settings, Arc::clone(&log), log).await
    }

    pub(crate) async fn peer(&self) -> Peer {
        Peer::connect(self.connector.addresses()[0]).await
    }

    /// The next command of the log.
    pub(crate) async fn command(&mut self) -> (Position, Command) {
        while self.waiting.is_empty() {
            let mut records = Vec::new();
            let polled = self.consumer.poll(&mut records, 1_000);
            timeout(PATIENCE, polled)
                .await
                .expect("a command in time")
                .unwrap();
            let commands = records.iter().map(|record| {
                (
                    record.position,
                    envelope::decode_command(&record.payload).unwrap(),
                )
            });
            self.waiting.extend(commands);
        }
        self.waiting.pop_front().unwrap()
    }

    /// How many commands were ever appended.
    pub(crate) fn appended_count(&self) -> usize {
        self.log.records().len()
    }

    pub(crate) fn deliver(&self, mut replies: Vec<Reply>) {
        self.connector.reply_sink().deliver(&mut replies, &[]);
        assert!(replies.is_empty());
    }

    /// Decides the next command.
    pub(crate) async fn decide(&mut self, outcome: Outcome) -> Command {
        let (position, command) = self.command().await;
        self.deliver(vec![reply(position, &command, outcome)]);
        command
    }

    pub(crate) async fn approve(&mut self) -> Command {
        self.decide(Outcome::Approved).await
    }
}

pub(crate) const BROKE: Outcome = Outcome::Declined(DeclineReason::InsufficientFunds);

/// A card's reply to a command: its version is 41, decided now.
pub(crate) fn reply(position: Position, command: &Command, outcome: Outcome) -> Reply {
    Reply {
        reply_to: command.reply_to,
        outcome,
        replayed: false,
        amount: None,
        available: None,
        version: Some(Version(41)),
        position,
        decided_at: NOW,
        day: TODAY,
    }
}
