//! What the payments happen in: a link with one terminal range, cards that were sold, rules.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use acquirer_connector::{
    BatchSettlement, ConnectorSettings, CutOver, DayNotOpened, DayReconciliation, Directory,
    DryLink, Later, ListenerSettings, StoreBatches, SwitchDays,
};
use card::{
    AcquirerId, Card, CardId, Command, Context, CreditSource, Day, Facts, FeeTerms, Fingerprint,
    LegKey, Limits, MerchantId, PartitionId, Place, Position, Programme, ProgrammeId, Recalled,
    ReplyTo, Request, Rules, TerminalId, Timestamp,
};
use card_store::memory::MemoryStore;
use iso8583::{Dialect, Encoder, Mti, Prefix};
use link::SignOn;
use money::Amount;
use pan::{Pan, PanHasher};
use registry::{
    Media, Medium, Merchant, Participant, ParticipantId, Register, RegisteredMedium, Terminal,
    merchant_id, terminal_id,
};
use telemetry::Tracer;

pub(crate) const PARTITION_COUNT: u16 = 8;
const ACQUIRER: &str = "69980290";
const ISSUER: &str = "69990001";
const MERCHANT: &str = "898999954110001";
const TERMINALS: u32 = 10_000;
const TERMINAL_FIRST: u32 = 71_000_000;
const BALANCE: u64 = 500_000_000;
/// 2026-03-01, noon in China.
const START: Timestamp = Timestamp(1_772_337_600_000);
const PROGRAMME: ProgrammeId = ProgrammeId(1);
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that outlives a payment.
pub(crate) struct World {
    pub(crate) link: DryLink,
    pub(crate) cards: Vec<Option<Card>>,
    pub(crate) rules: Rules,
    _folder: TempDir,
}

impl World {
    /// Sells cards with serials from 0 on.
    pub(crate) fn new(card_count: u32) -> Self {
        let folder = tempfile::tempdir().expect("a place for temporary files");
        let rules = rules();
        let cards = (0..card_count).map(|serial| sold(serial, &rules)).collect();
        Self {
            link: DryLink::new(
                connector(),
                listener(),
                directory(&folder, card_count),
                PARTITION_COUNT,
            ),
            cards,
            rules,
            _folder: folder,
        }
    }
}

/// What the decision at this offset depends on besides the card; 10 ms pass between two.
pub(crate) fn context<'a>(rules: &'a Rules, recalled: &'a Recalled, offset: u64) -> Context<'a> {
    let passed = i64::try_from(offset).unwrap_or(i64::MAX).saturating_mul(10);
    Context {
        appended_at: Timestamp(START.0.saturating_add(passed)),
        position: Position {
            partition: PartitionId(1),
            offset,
        },
        day: Day(20_513),
        frozen_through: Day(20_512),
        rules,
        recalled,
    }
}

/// The serial that a card's id was made of.
pub(crate) fn serial_of(card: CardId) -> usize {
    let bytes = card.as_bytes();
    let own = bytes.last_chunk().copied().unwrap_or_default();
    usize::try_from(u32::from_be_bytes(own)).unwrap_or(usize::MAX)
}

/// A purchase as a terminal sends it: PIN block, track 2 and MAC among its 15 data elements.
pub(crate) fn purchase(number: u32, serial: u32) -> Vec<u8> {
    let pan = pan(serial);
    let terminal = TERMINAL_FIRST + number % TERMINALS;
    let mut frame = Vec::new();
    let prefix = Prefix::Pos {
        tpdu: [0x60, 0x00, 0x03, 0x00, 0x00],
        header: [0x60, 0x31, 0x00, 0x31, 0x10, 0x01],
    };
    let mut encoder = Encoder::new(Dialect::pos(), &mut frame, &prefix, Mti::FINANCIAL_REQUEST);
    let written = encoder
        .digits(2, pan.expose())
        .digits(3, "000000")
        .number(4, u64::from(1 + number % 20_000))
        .number(11, u64::from(1 + number / TERMINALS))
        .digits(22, "021")
        .digits(25, "00")
        .digits(26, "06")
        .digits(35, format!("{}=27052201234500000", pan.expose()))
        .text(41, terminal.to_string())
        .text(42, MERCHANT)
        .text(49, "156")
        .bytes(52, [0x81, 0xB2, 0xEB, 0xAD, 0x03, 0x42, 0xD4, 0x4C])
        .digits(53, "2600000000000000")
        .digits(60, "2200000100020")
        .bytes(64, b"9F7CBB5F")
        .finish();
    written.expect("a purchase can be written");
    drop(encoder);
    frame
}

fn pan(serial: u32) -> Pan {
    Pan::from_bin_and_serial("629999", u64::from(serial), 16).expect("a test card's number")
}

fn card_id(serial: u32) -> CardId {
    let mut own = [9; 14];
    own[10..].copy_from_slice(&serial.to_be_bytes());
    CardId::new(1, own)
}

fn sold(serial: u32, rules: &Rules) -> Option<Card> {
    let command = Command {
        card: card_id(serial),
        medium: 0,
        key: LegKey([1; 12]),
        fingerprint: Fingerprint(1),
        place: Place {
            acquirer: AcquirerId::NOBODY,
            merchant: MerchantId(*b"BACK OFFICE    "),
            terminal: TerminalId(*b"DESK    "),
            batch: 0,
            trace: 0,
        },
        request: Request::Issue {
            programme: PROGRAMME,
            expiry: 0,
            amount: fen(BALANCE),
            source: CreditSource::Transfer,
        },
        facts: Facts::default(),
        reply_to: ReplyTo::NOBODY,
    };
    let recalled = Recalled::default();
    let decision = card::decide(None, &command, &context(rules, &recalled, 0));
    let mut card = None;
    card::apply(
        &mut card,
        &command,
        &decision.written.expect("a card is sold"),
    );
    card
}

/// All limits and a list of categories are looked at, none is reached.
fn rules() -> Rules {
    let programme = Programme {
        balance_cap: fen(BALANCE),
        limits: Limits {
            transaction: Some(fen(BALANCE)),
            day_amount: Some(fen(BALANCE)),
            day_count: Some(u32::MAX),
            month_amount: Some(fen(BALANCE)),
            month_count: Some(u32::MAX),
            agent_top_up_day: None,
        },
        blocked_categories: vec![4_829, 6_010, 6_011, 6_012, 6_051],
        ..Programme::example()
    };
    Rules {
        utc_offset_minutes: 480,
        programmes: BTreeMap::from([(PROGRAMME, programme)]),
    }
}

fn fen(minor: u64) -> Amount {
    Amount::from_minor(minor).expect("an amount in range")
}

fn participant(digits: &str) -> ParticipantId {
    ParticipantId::parse(digits).expect("a participant's number")
}

fn connector() -> ConnectorSettings {
    ConnectorSettings {
        issuer: participant(ISSUER),
        utc_offset_minutes: 480,
        reply_partition: 0,
        tracer: Tracer::off(),
        listeners: Vec::new(),
    }
}

fn listener() -> ListenerSettings {
    ListenerSettings {
        acquirer: participant(ACQUIRER),
        name: "test acquirer".to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        dialect: Dialect::pos(),
        connections_max: 1,
        in_flight_max: 64,
        frame_size_max: 1_024,
        idle_timeout: PATIENCE,
        read_timeout: PATIENCE,
        reply_timeout: PATIENCE,
        batch_settlement: BatchSettlement::Offered,
        day_reconciliation: DayReconciliation::NotOffered,
        cut_over: CutOver::IsNoted,
        terminal_parameters: Arc::from([].as_slice()),
        sign_on: SignOn::Optional,
    }
}

/// No terminal opens a day.
struct FixedDays;

impl SwitchDays for FixedDays {
    fn open(&self, _: Day) -> Later<'_, Result<(), DayNotOpened>> {
        Box::pin(async { Err(DayNotOpened("no day is opened here".to_owned())) })
    }
}

fn directory(folder: &TempDir, card_count: u32) -> Directory {
    let hasher = PanHasher::new(&[7; 32]);
    let media = Media::create(&folder.path().join("media"), &hasher).expect("a folder for media");
    let entries: Vec<_> = (0..card_count)
        .map(|serial| medium(serial, &hasher))
        .collect();
    media.add_media(&entries).expect("media are added");
    Directory {
        register: Arc::new(register()),
        media: Arc::new(media),
        batches: Arc::new(StoreBatches(Arc::new(MemoryStore::new()))),
        days: Arc::new(FixedDays),
        hasher,
    }
}

fn medium(serial: u32, hasher: &PanHasher) -> RegisteredMedium {
    let pan = pan(serial);
    let last_four = pan.last_four().as_bytes().first_chunk().copied();
    RegisteredMedium {
        hash: hasher.hash(&pan),
        medium: Medium {
            card: card_id(serial),
            number: 0,
            bin: *b"629999",
            last_four: last_four.unwrap_or_default(),
            programme: PROGRAMME,
            expiry: None,
        },
    }
}

fn register() -> Register {
    let terminal = |number: u32| terminal_id(&number.to_string()).expect("a terminal's number");
    let shop = merchant_id(MERCHANT).expect("a merchant's number");
    let merchant = Merchant {
        id: shop,
        name: "shop".to_owned(),
        category: 5_411,
        group: 3,
        online_allowed: false,
        fee: FeeTerms {
            rate_ppm: 6_000,
            ..FeeTerms::default()
        },
    };
    let terminals = Terminal {
        participant: participant(ACQUIRER),
        first: terminal(TERMINAL_FIRST),
        last: terminal(TERMINAL_FIRST + TERMINALS - 1),
        merchant: shop,
    };
    let acquirer = Participant {
        id: participant(ACQUIRER),
        name: "test acquirer".to_owned(),
    };
    Register::new(vec![acquirer], vec![merchant], vec![terminals]).expect("a register that fits")
}
