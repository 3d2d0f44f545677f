//! A network tells its cut-over: opened here where it leads the days, noted and compared elsewhere.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde_json::Value;

use crate::institution::Telegram;
use crate::peer::Peer;
use crate::switch::{ACQUIRER, Switch, TODAY};
use acquirer_connector::{CutOver, ListenerSettings};
use card::{AcquirerId, Day, PartitionId};
use card_store::{BatchName, CardStore, CutTotals};
use iso8583::Dialect;
use link::SignOn;

async fn start(change: impl FnOnce(&mut ListenerSettings)) -> (Switch, Peer) {
    let switch = Switch::start(|settings| {
        settings.dialect = Dialect::cups();
        change(settings);
    })
    .await;
    let peer = Peer::speaking(Dialect::cups(), switch.connector.addresses()[0]).await;
    (switch, peer)
}

fn leads(settings: &mut ListenerSettings) {
    settings.cut_over = CutOver::OpensDay;
}

fn cut_over(code: &str, day: &str) -> Vec<u8> {
    Telegram::network(code).with(15, day).frame()
}

fn cut(day: Day) -> CutTotals {
    CutTotals {
        partition: PartitionId(2),
        number: day.0.into(),
        offset: 1,
        totals: Bytes::new(),
    }
}

/// What was noted of the network's day: which, and how far it is here.
async fn noted(switch: &Switch) -> Option<(String, String)> {
    let mut acquirer = [b' '; 11];
    acquirer[..ACQUIRER.len()].copy_from_slice(ACQUIRER.as_bytes());
    let name = BatchName::of_cut_over(AcquirerId(acquirer));
    let bytes = switch.store.batch(name).await.unwrap()?;
    let record: Value = serde_json::from_slice(&bytes).unwrap();
    let text = |name: &str| record[name].as_str().unwrap().to_owned();
    Some((text("day"), text("here")))
}

#[tokio::test]
async fn it_is_noted_and_compared_with_the_days_of_this_switch() {
    let (switch, mut peer) = start(|_| {}).await;
    switch.store.keep_cuts(&[cut(TODAY)]).unwrap();
    for (code, day, date, here) in [
        ("201", "0512", "2026-05-12", "open"),
        ("202", "0512", "2026-05-12", "open"),
        ("201", "0511", "2026-05-11", "over"),
    ] {
        let answer = peer.ask(&cut_over(code, day)).await;
        assert_eq!(answer.mti(), "0830");
        assert_eq!(answer.code(), "00");
        assert_eq!(answer.value(15).as_deref(), Some(day));
        assert_eq!(answer.value(70).as_deref(), Some(code));
        let expected = Some((date.to_owned(), here.to_owned()));
        assert_eq!(noted(&switch).await, expected);
    }
    assert_eq!(*switch.days.opened.lock(), [], "it leads nothing");

    let (behind, mut peer) = start(|_| {}).await;
    assert_eq!(peer.ask(&cut_over("201", "0512")).await.code(), "00");
    let expected = ("2026-05-12".to_owned(), "not opened".to_owned());
    assert_eq!(noted(&behind).await, Some(expected));
}

#[tokio::test]
async fn the_network_that_leads_opens_its_day_before_it_is_answered() {
    let (switch, mut peer) = start(leads).await;
    switch.days.is_broken.store(true, Ordering::Relaxed);
    assert_eq!(peer.ask(&cut_over("201", "0512")).await.code(), "96");
    assert_eq!(noted(&switch).await, None);
    switch.days.is_broken.store(false, Ordering::Relaxed);
    for code in ["201", "201", "202"] {
        assert_eq!(peer.ask(&cut_over(code, "0512")).await.code(), "00");
    }
    assert_eq!(
        *switch.days.opened.lock(),
        [TODAY; 3],
        "a day is its own number"
    );
    let expected = ("2026-05-12".to_owned(), "open".to_owned());
    assert_eq!(noted(&switch).await, Some(expected));
}

#[tokio::test]
async fn what_is_wrong_opens_nothing() {
    let (switch, mut peer) = start(leads).await;
    for frame in [
        Telegram::network("201").frame(), // Which day?
        cut_over("201", "0513"),          // Two days ahead: a slip.
        cut_over("201", "0230"),
    ] {
        assert_eq!(peer.ask(&frame).await.code(), "30");
    }
    assert_eq!(*switch.days.opened.lock(), []);

    let (switch, mut peer) = start(|settings| {
        leads(settings);
        settings.sign_on = SignOn::Required;
    })
    .await;
    assert_eq!(peer.ask(&cut_over("201", "0512")).await.code(), "C1");
    assert_eq!(*switch.days.opened.lock(), []);
}

#[tokio::test]
async fn the_1993_version_tells_the_year_too() {
    let iso93 = Dialect::builtin("iso93-ascii").unwrap();
    let switch = Switch::start(|settings| {
        settings.dialect = iso93;
        leads(settings);
    })
    .await;
    let mut peer = Peer::speaking(iso93, switch.connector.addresses()[0]).await;
    let fields = [
        (7, "0511230000"),
        (11, "000001"),
        (12, "260511230000"),
        (15, "260512"),
        (24, "821"),
    ];
    let answer = peer
        .ask(&Telegram::new(iso93, b"1804", &fields).frame())
        .await;
    assert_eq!(answer.code(), "800");
    assert_eq!(answer.value(15).as_deref(), Some("260512"));
    assert_eq!(*switch.days.opened.lock(), [TODAY]);
}
