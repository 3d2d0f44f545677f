//! An institution reconciles a settlement day: in balance and out of it, and which days there are.

use bytes::Bytes;
use serde_json::Value;

use crate::institution::{OTHER_MERCHANT, OTHER_TERMINAL, Telegram};
use crate::peer::{Answer, Peer};
use crate::requests::CARD_A;
use crate::switch::{ACQUIRER, Switch, TODAY, card};
use acquirer_connector::{DayReconciliation, ListenerSettings};
use card::{
    AcquirerId, Channel, Day, EntryMode, Fingerprint, Kind, LegKey, MerchantId, Outcome,
    PartitionId, Place, Position, ProgrammeId, Row, TerminalId, Timestamp, Version,
};
use card_store::{BatchItem, BatchName, CardStore, CardWrite, CutTotals, JournalRow, StoredCard};
use iso8583::Dialect;
use link::SignOn;
use money::Amount;

const PARTITION: PartitionId = PartitionId(3);

/// What the items below come to, by data element.
const LINES: [(u8, &str); 9] = [
    (74, "0000000001"),
    (75, "0000000000"),
    (76, "0000000002"),
    (77, "0000000002"),
    (86, "0000000000002345"),
    (87, "0000000000000000"),
    (88, "0000000000052345"),
    (89, "0000000000040500"),
    (97, "D0000000000009500"),
];

fn acquirer() -> AcquirerId {
    let mut acquirer = [b' '; 11];
    acquirer[..ACQUIRER.len()].copy_from_slice(ACQUIRER.as_bytes());
    AcquirerId(acquirer)
}

fn name(day: Day, partition: PartitionId) -> BatchName {
    BatchName::of_day(acquirer(), day, partition)
}

fn item(version: u32, kind: Kind, fen: u64, link: u32) -> BatchItem {
    BatchItem {
        batch: name(TODAY, PARTITION),
        trace: version,
        position: Position {
            partition: PARTITION,
            offset: version.into(),
        },
        card: card(1),
        version: Version(version),
        link: Version(link),
        kind,
        amount: Amount::from_minor(fen).unwrap(),
        day: TODAY,
    }
}

/// Two purchases, one of them reversed, a refund, and the reversal of a purchase of the day before.
/// One is of another partition.
fn items() -> [BatchItem; 5] {
    let mut elsewhere = item(3, Kind::Purchase, 12_345, 0);
    elsewhere.batch = name(TODAY, PartitionId(0));
    [
        elsewhere,
        item(4, Kind::Purchase, 40_000, 0),
        item(5, Kind::Reversal, 40_000, 4),
        item(6, Kind::Refund, 2_345, 2),
        item(7, Kind::Reversal, 500, 1),
    ]
}

/// The purchase of the day before, as its card's journal has it.
fn row_of_yesterday() -> CardWrite {
    let row = Row {
        version: Version(1),
        position: Position {
            partition: PARTITION,
            offset: 1,
        },
        decided_at: Timestamp(0),
        day: Day(TODAY.0 - 1),
        programme: ProgrammeId(1),
        kind: Kind::Purchase,
        outcome: Outcome::Approved,
        case: None,
        key: LegKey([1; 12]),
        fingerprint: Fingerprint(1),
        place: Place {
            acquirer: acquirer(),
            merchant: MerchantId([b'1'; 15]),
            terminal: TerminalId([b'1'; 8]),
            batch: Place::WHOLE_DAYS,
            trace: 1,
        },
        medium: 0,
        channel: Channel::default(),
        entry: EntryMode::default(),
        amount: Amount::from_minor(500).unwrap(),
        link: Version(0),
        register_version: 1,
        ledger: None,
        posted_after: Amount::ZERO,
        held_after: Amount::ZERO,
        previous: [0; 32],
    };
    CardWrite {
        card: card(1),
        state: StoredCard {
            version: row.version,
            position: row.position,
            body: Bytes::new(),
        },
        rows: vec![JournalRow {
            version: row.version,
            bytes: Bytes::from(row.encode()),
        }],
        keys: Vec::new(),
    }
}

fn cut(day: Day) -> CutTotals {
    CutTotals {
        partition: PARTITION,
        number: day.0.into(),
        offset: 1,
        totals: Bytes::new(),
    }
}

fn dialect(name: &str) -> &'static Dialect {
    Dialect::builtin(name).unwrap()
}

async fn start_with(
    dialect: &'static Dialect,
    change: fn(&mut ListenerSettings),
) -> (Switch, Peer) {
    let switch = Switch::start(|settings| {
        settings.dialect = dialect;
        settings.day_reconciliation = DayReconciliation::Offered;
        change(settings);
    })
    .await;
    switch.store.keep_items(&items()).unwrap();
    switch.store.write(row_of_yesterday()).await.unwrap();
    switch.store.keep_cuts(&[cut(TODAY)]).unwrap();
    let peer = Peer::speaking(dialect, switch.connector.addresses()[0]).await;
    (switch, peer)
}

async fn start() -> (Switch, Peer) {
    start_with(dialect("iso87-ascii"), |_| {}).await
}

fn reconciliation(lines: &[(u8, &str)]) -> Telegram {
    let fields = [
        (7, "0512223000"),
        (11, "000077"),
        (15, "0512"),
        (32, "69980290"),
        (50, "156"),
    ];
    let telegram = Telegram::new(dialect("iso87-ascii"), b"0500", &fields);
    let lines = lines.iter();
    lines.fold(telegram, |telegram, (number, value)| {
        telegram.with(*number, value)
    })
}

fn nothing() -> Telegram {
    let zeros = LINES.map(|(number, line)| {
        let sign = if number == 97 { "C" } else { "" };
        (
            number,
            format!("{sign}{:0>1$}", "", line.len() - sign.len()),
        )
    });
    let zeros: Vec<_> = zeros.iter().map(|(n, line)| (*n, line.as_str())).collect();
    reconciliation(&zeros)
}

fn purchase() -> Telegram {
    let fields = [
        (2, CARD_A),
        (3, "000000"),
        (4, "000000012345"),
        (7, "0512193001"),
        (11, "000009"),
        (22, "021"),
        (32, "69980290"),
        (41, OTHER_TERMINAL),
        (42, OTHER_MERCHANT),
        (49, "156"),
    ];
    Telegram::new(dialect("iso87-ascii"), b"0200", &fields)
}

async fn record(switch: &Switch, day: Day) -> Value {
    let record = switch.store.batch(name(day, PartitionId(0))).await.unwrap();
    serde_json::from_slice(&record.expect("the day was reconciled")).unwrap()
}

/// Type, 39 and 66.
fn found(answer: &Answer) -> (String, String, Option<String>) {
    (answer.mti(), answer.code(), answer.value(66))
}

fn expected(mti: &str, code: &str, settlement: &str) -> (String, String, Option<String>) {
    (mti.to_owned(), code.to_owned(), Some(settlement.to_owned()))
}

#[tokio::test]
async fn equal_totals_are_in_balance() {
    let (switch, mut peer) = start().await;
    let answer = peer.ask(&reconciliation(&LINES).frame()).await;
    let mut fields = vec![
        (7, "0512223000"),
        (11, "000077"),
        (15, "0512"),
        (32, "69980290"),
        (39, "00"),
        (50, "156"),
        (66, "1"),
    ];
    fields.extend(&LINES[..4]);
    fields.extend([(78, "0000000000"), (79, "0000000000")]);
    fields.extend(&LINES[4..]);
    answer.check("0510", &fields);
    let noted = record(&switch, TODAY).await;
    assert_eq!(noted["balanced"], true);
    assert_eq!(noted["day"], "2026-05-12");
    assert_eq!(noted["day_is_over"], false);
    assert_eq!(noted["ours"]["amount_of_debits"], 52_345);
    assert_eq!(switch.appended_count(), 0, "it books nothing");
}

#[tokio::test]
async fn what_differs_is_answered_with_ours_and_listed() {
    let (switch, mut peer) = start().await;
    let told = reconciliation(&LINES).with(76, "0000000003");
    let answer = peer.ask(&told.mti(b"0520").frame()).await;
    assert_eq!(found(&answer), expected("0530", "00", "2"));
    assert_eq!(answer.value(76).as_deref(), Some("0000000002"), "ours");
    let listed = record(&switch, TODAY).await;
    assert_eq!(listed["balanced"], false);
    assert_eq!(listed["told"]["number_of_debits"], 3);
    let differences = listed["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0]["element"], 76);
    assert_eq!(
        (&differences[0]["told"], &differences[0]["ours"]),
        (&Value::from(3), &Value::from(2))
    );
    // Corrected, and asked again.
    let answer = peer.ask(&reconciliation(&LINES).mti(b"0501").frame()).await;
    assert_eq!(found(&answer), expected("0510", "00", "1"));
    assert_eq!(record(&switch, TODAY).await["balanced"], true);
}

#[tokio::test]
async fn a_repeat_is_compared_like_its_first() {
    let (_switch, mut peer) = start().await;
    let first = peer.ask(&reconciliation(&LINES).frame()).await;
    let again = peer.ask(&reconciliation(&LINES).mti(b"0501").frame()).await;
    assert_eq!(again, first);
}

#[tokio::test]
async fn a_day_that_is_over_says_so_and_an_empty_one_is_in_balance_with_nothing() {
    let (switch, mut peer) = start().await;
    switch.store.keep_cuts(&[cut(Day(TODAY.0 + 1))]).unwrap();
    let answer = peer.ask(&reconciliation(&LINES).frame()).await;
    assert_eq!(found(&answer), expected("0510", "00", "1"));
    assert_eq!(record(&switch, TODAY).await["day_is_over"], true);

    let tomorrow = Day(TODAY.0 + 1);
    let answer = peer.ask(&nothing().with(15, "0513").frame()).await;
    assert_eq!(found(&answer), expected("0510", "00", "1"));
    assert_eq!(record(&switch, tomorrow).await["day_is_over"], false);
    let answer = peer
        .ask(&reconciliation(&LINES).with(15, "0513").frame())
        .await;
    assert_eq!(found(&answer), expected("0510", "00", "2"));
    let listed = record(&switch, tomorrow).await;
    assert_eq!(listed["differences"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let (switch, mut peer) = start().await;
    for (telegram, code) in [
        (nothing().with(15, "0514"), "95"), // No such day yet.
        (reconciliation(&LINES).with(15, "0230"), "30"),
        (reconciliation(&LINES).without(15), "30"),
        (reconciliation(&LINES).without(88), "30"),
        (reconciliation(&LINES).with(50, "840"), "30"),
    ] {
        let answer = peer.ask(&telegram.frame()).await;
        assert_eq!((answer.code().as_str(), answer.value(66)), (code, None));
    }
    let noted = switch.store.batch(name(TODAY, PartitionId(0))).await;
    assert_eq!(noted, Ok(None));
}

#[tokio::test]
async fn an_institution_that_has_not_signed_on_reconciles_nothing() {
    let required = |settings: &mut ListenerSettings| settings.sign_on = SignOn::Required;
    let (_switch, mut peer) = start_with(dialect("iso87-ascii"), required).await;
    let answer = peer.ask(&reconciliation(&LINES).frame()).await;
    assert_eq!(answer.code(), "C1");
}

#[tokio::test]
async fn payments_go_on_while_a_day_is_compared() {
    let (mut switch, mut peer) = start().await;
    peer.send(&reconciliation(&LINES).frame()).await;
    peer.send(&purchase().frame()).await;
    let command = switch.approve().await;
    assert_eq!(command.place.batch, Place::WHOLE_DAYS);
    assert_eq!(peer.receive().await.mti(), "0210");
    // Nothing more will come; the answer is still owed.
    peer.finish_sending().await;
    assert_eq!(peer.receive().await.mti(), "0510");
    assert!(peer.is_closed().await);
}

#[tokio::test]
async fn where_it_is_not_offered_nothing_is_kept() {
    let not_offered = |settings: &mut ListenerSettings| {
        settings.day_reconciliation = DayReconciliation::NotOffered;
    };
    let (mut switch, mut peer) = start_with(dialect("iso87-ascii"), not_offered).await;
    let answer = peer.ask(&reconciliation(&LINES).frame()).await;
    assert_eq!(
        (answer.mti().as_str(), answer.code().as_str()),
        ("0510", "40")
    );
    peer.send(&purchase().frame()).await;
    assert_eq!(switch.approve().await.place.batch, 0);
}

#[tokio::test]
async fn the_1993_version_tells_it_in_its_action_code() {
    let iso93 = dialect("iso93-ascii");
    let (_switch, mut peer) = start_with(iso93, |_| {}).await;
    let told = |mti: &[u8; 4], day: &str, lines: &[(u8, &str)]| {
        let fields = [
            (7, "0512223000"),
            (11, "000077"),
            (12, "260512223000"),
            (24, "500"),
            (28, day),
        ];
        let telegram = Telegram::new(iso93, mti, &fields);
        let lines = lines.iter();
        lines.fold(telegram, |telegram, (number, value)| {
            telegram.with(*number, value)
        })
    };
    let mut other = LINES;
    other[8].1 = "D0000000000009501";
    for (mti, day, lines, expected) in [
        (b"1500", "260512", LINES, ("1510", "500")),
        (b"1520", "260512", other, ("1530", "501")),
        (b"1500", "260514", other, ("1510", "503")),
    ] {
        let answer = peer.ask(&told(mti, day, &lines).frame()).await;
        assert_eq!((answer.mti().as_str(), answer.code().as_str()), expected);
        assert_eq!(answer.value(24).as_deref(), Some("500"));
        assert_eq!(answer.value(28).as_deref(), Some(day));
    }
}
