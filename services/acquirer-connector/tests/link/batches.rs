//! A terminal settles its batch: totals, items when they differ, and what is listed of it.

use serde_json::Value;

use crate::peer::Peer;
use crate::requests::{CARD_A, CARD_UNKNOWN, MERCHANT, Request, TERMINAL};
use crate::switch::{ACQUIRER, Switch, card};
use acquirer_connector::BatchSettlement;
use card::{AcquirerId, Day, Kind, MerchantId, PartitionId, Position, TerminalId, Version};
use card_store::{BatchItem, BatchName, CardStore};
use money::Amount;

fn name() -> BatchName {
    let mut acquirer = [b' '; 11];
    acquirer[..ACQUIRER.len()].copy_from_slice(ACQUIRER.as_bytes());
    BatchName {
        acquirer: AcquirerId(acquirer),
        merchant: MerchantId(MERCHANT.as_bytes().try_into().unwrap()),
        terminal: TerminalId(TERMINAL.as_bytes().try_into().unwrap()),
        batch: 1,
    }
}

fn item(trace: u32, kind: Kind, fen: u64) -> BatchItem {
    BatchItem {
        batch: name(),
        trace,
        position: Position {
            partition: PartitionId(0),
            offset: trace.into(),
        },
        card: card(1),
        version: Version(trace),
        link: Version(0),
        kind,
        amount: Amount::from_minor(fen).unwrap(),
        day: Day(1),
    }
}

/// Three purchases of 621.45 and a refund of 23.45, as the terminal's totals below say.
fn items() -> [BatchItem; 4] {
    [
        item(3, Kind::Purchase, 12_345),
        item(4, Kind::Purchase, 40_000),
        item(5, Kind::Purchase, 9_800),
        item(6, Kind::Refund, 2_345),
    ]
}

const TOTALS: &str = "00000006214500300000000234500100000000000000000000000000000000";

fn totals(digits: &str) -> Vec<u8> {
    Request::network(b"0500", "00000001201")
        .with(49, "156")
        .with(48, digits)
        .frame()
}

fn upload(custom: &str, digits: &str) -> Vec<u8> {
    Request::network(b"0320", custom).with(48, digits).frame()
}

fn uploaded(trace: u32, number: &str, fen: u64) -> String {
    format!("00{trace:06}{number:0>20}{fen:012}")
}

async fn record(switch: &Switch) -> Value {
    let record = switch.store.batch(name()).await.unwrap();
    serde_json::from_slice(&record.expect("the batch was settled")).unwrap()
}

async fn start() -> (Switch, Peer) {
    let switch = Switch::start(|_| {}).await;
    switch.store.keep_items(&items()).unwrap();
    let peer = switch.peer().await;
    (switch, peer)
}

#[tokio::test]
async fn equal_totals_are_balanced() {
    let (switch, mut peer) = start().await;
    let answer = peer.ask(&totals(TOTALS)).await;
    assert_eq!(
        (answer.mti().as_str(), answer.code().as_str()),
        ("0510", "00")
    );
    let told = answer.value(48).unwrap();
    assert_eq!((&told[30..31], &told[61..62]), ("1", "1"));
    assert_eq!(told[..30], TOTALS[..30]);
    let record = record(&switch).await;
    assert_eq!(record["balanced"], true);
    assert_eq!(record["ours"]["debit_fen"], 62_145);
    assert_eq!(switch.appended_count(), 0);
}

#[tokio::test]
async fn totals_that_differ_are_looked_at_again_before_they_are_told_so() {
    let (switch, mut peer) = start().await;
    let other = TOTALS.replacen("62145", "62146", 1);
    let answer = peer.ask(&totals(&other)).await;
    assert_eq!(answer.code(), "00");
    assert_eq!(&answer.value(48).unwrap()[30..31], "2");
    assert_eq!(record(&switch).await["balanced"], false);
}

#[tokio::test]
async fn uploaded_items_are_compared_one_by_one_and_nothing_is_posted() {
    let (switch, mut peer) = start().await;
    let first = [
        uploaded(3, CARD_A, 12_345),
        uploaded(4, CARD_A, 40_001),
        uploaded(7, CARD_UNKNOWN, 100),
    ];
    let second = uploaded(6, CARD_A, 2_345);
    let parts = [
        ("00000001201", format!("03{}", first.concat())),
        ("00000001201", format!("01{second}")),
        ("00000001201", format!("01{second}")), // Sent again: its answer was lost.
    ];
    for (custom, digits) in parts {
        let answer = peer.ask(&upload(custom, &digits)).await;
        assert_eq!(
            (answer.mti().as_str(), answer.code().as_str()),
            ("0330", "00")
        );
    }
    let answer = peer.ask(&upload("00000001202", "0004")).await;
    assert_eq!(answer.code(), "00");
    let record = record(&switch).await;
    let listed: Vec<(u64, &str)> = record["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            (
                found["trace"].as_u64().unwrap(),
                found["what"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        (4, "other_amount"),
        (5, "missing_there"),
        (7, "missing_here"),
    ];
    assert_eq!(listed, expected);
    assert!(!record.to_string().contains(CARD_UNKNOWN));
    assert_eq!(switch.appended_count(), 0, "an upload books nothing");
}

#[tokio::test]
async fn an_end_with_another_count_asks_for_all_items_again() {
    let (_switch, mut peer) = start().await;
    let item = format!("01{}", uploaded(3, CARD_A, 12_345));
    assert_eq!(peer.ask(&upload("00000001201", &item)).await.code(), "00");
    assert_eq!(peer.ask(&upload("00000001202", "0002")).await.code(), "79");
    assert_eq!(peer.ask(&upload("00000001202", "0001")).await.code(), "79");
    assert_eq!(peer.ask(&upload("00000001201", &item)).await.code(), "00");
    assert_eq!(peer.ask(&upload("00000001202", "0001")).await.code(), "00");
}

#[tokio::test]
async fn where_it_is_not_offered_nothing_is_kept_and_the_desk_is_closed() {
    let mut switch = Switch::start(|settings| {
        settings.batch_settlement = BatchSettlement::NotOffered;
    })
    .await;
    let mut peer = switch.peer().await;
    assert_eq!(peer.ask(&totals(TOTALS)).await.code(), "40");
    peer.send(&Request::purchase(9).frame()).await;
    let command = switch.approve().await;
    assert_eq!((command.place.batch, command.place.trace), (0, 9));
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let (_switch, mut peer) = start().await;
    for (frame, code) in [
        (totals("1234"), "30"),
        (upload("00000001201", "09"), "30"),
        (upload("00000001205", "01"), "40"), // Items with chip data.
        (upload("00000000201", "00"), "30"), // No batch.
        (
            Request::network(b"0500", "00000001201")
                .with(41, "79999999")
                .with(48, TOTALS)
                .frame(),
            "97",
        ),
        (Request::network(b"0500", "00000001201").frame(), "30"),
    ] {
        assert_eq!(peer.ask(&frame).await.code(), code);
    }
}
