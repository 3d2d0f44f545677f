//! Edges of the calendar and of counters: fields without a year at year end and on 29 February,
//! and trace numbers that come round.

use crate::institution::Telegram;
use crate::peer::Peer;
use crate::requests::Request;
use crate::switch::{Switch, reply};
use card::calendar::day_of_date;
use card::{Command, LegKey, Outcome, Reply, Request as Asked, Timestamp};
use iso8583::Dialect;
use link::SignOn;

/// A moment in seconds since 1970, a settlement day, and what data elements 12, 13 and 15 tell of
/// them in China. The seconds are those of `date -d '... +0800' +%s`.
type EdgeMoment = (i64, (u16, u8, u8), [&'static str; 3]);

const MOMENTS: &[EdgeMoment] = &[
    // The day was cut before the year ended.
    (1_798_732_799, (2027, 1, 1), ["235959", "1231", "0101"]),
    // It was not cut yet when the year began.
    (1_798_732_800, (2026, 12, 31), ["000000", "0101", "1231"]),
    (1_798_732_800, (2027, 1, 1), ["000000", "0101", "0101"]),
    // A year with a 29 February: the cut before it, in it, and after it.
    (1_835_366_399, (2028, 2, 29), ["235959", "0228", "0229"]),
    (1_835_366_400, (2028, 2, 29), ["000000", "0229", "0229"]),
    (1_835_452_799, (2028, 3, 1), ["235959", "0229", "0301"]),
    (1_835_452_800, (2028, 2, 29), ["000000", "0301", "0229"]),
    // A year without.
    (1_803_830_399, (2027, 3, 1), ["235959", "0228", "0301"]),
    (1_803_830_400, (2027, 2, 28), ["000000", "0301", "0228"]),
];

/// The card's answer of a moment and a settlement day.
fn decided(answer: Reply, seconds: i64, (year, month, date): (u16, u8, u8)) -> Reply {
    Reply {
        decided_at: Timestamp(seconds * 1_000),
        day: day_of_date(year, month, date).unwrap(),
        ..answer
    }
}

#[tokio::test]
async fn a_terminal_is_told_local_time_and_settlement_day() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    for (trace, (seconds, day, told)) in (1..).zip(MOMENTS) {
        peer.send(&Request::purchase(trace).frame()).await;
        let (position, command) = switch.command().await;
        let answer = reply(position, &command, Outcome::Approved);
        switch.deliver(vec![decided(answer, *seconds, *day)]);
        let answer = peer.receive().await;
        let fields = [12, 13, 15].map(|number| answer.value(number).unwrap());
        assert_eq!(fields, *told, "{seconds} {day:?}");
    }
}

/// Local time is the institution's own and comes back as it was sent; the settlement day is ours.
#[tokio::test]
async fn an_institution_is_told_the_settlement_day() {
    let (mut switch, mut peer) = interbank().await;
    for (trace, (seconds, day, told)) in (1..).zip(MOMENTS) {
        let telegram = Telegram::purchase(trace)
            .with(12, told[0])
            .with(13, told[1]);
        peer.send(&telegram.frame()).await;
        let (position, command) = switch.command().await;
        let answer = reply(position, &command, Outcome::Approved);
        switch.deliver(vec![decided(answer, *seconds, *day)]);
        let answer = peer.receive().await;
        let fields = [12, 13, 15].map(|number| answer.value(number).unwrap());
        assert_eq!(fields, *told, "{seconds} {day:?}");
    }
}

/// A stored answer tells when it was decided, though it is told again next year.
#[tokio::test]
async fn a_stored_answer_tells_of_last_year() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let (seconds, day, told) = MOMENTS[0];
    peer.send(&Request::purchase(1).frame()).await;
    let (position, command) = switch.command().await;
    let answer = decided(reply(position, &command, Outcome::Approved), seconds, day);
    switch.deliver(vec![Reply {
        replayed: true,
        ..answer
    }]);
    let answer = peer.receive().await;
    let fields = [12, 13, 15].map(|number| answer.value(number).unwrap());
    assert_eq!(fields, told);
}

/// A reversal of January names its original of December by the time that it was sent at.
#[tokio::test]
async fn a_reversal_finds_its_original_of_last_year() {
    let (mut switch, mut peer) = interbank().await;
    let sale = Telegram::purchase(100_003).with(7, "1231235959");
    let key = command_of(&mut switch, &mut peer, &sale.frame()).await.key;
    let reversal = Telegram::purchase(100_004)
        .mti(b"0420")
        .with(7, "0101000001")
        .with(90, "020010000312312359590006998029100000010000");
    let command = command_of(&mut switch, &mut peer, &reversal.frame()).await;
    let Asked::Reversal { original, .. } = command.request else {
        panic!("{:?}", command.request);
    };
    assert_eq!(original.key, Some(key));
    assert_ne!(command.key, key);
}

/// Without a year two requests a year apart have one key. The age that cards keep keys for, days,
/// tells them apart; the edge does not, so that no clock of ours is in a key.
#[tokio::test]
async fn a_year_later_the_key_is_the_same() {
    let (mut switch, mut peer) = interbank().await;
    let mut keys = Vec::new();
    for moment in ["0229235959", "0229235959", "0301000000", "1231235959"] {
        let telegram = Telegram::purchase(100_003).with(7, moment);
        let command = command_of(&mut switch, &mut peer, &telegram.frame()).await;
        keys.push(command.key);
    }
    assert_eq!(keys[0], keys[1]);
    assert_eq!(distinct(&keys), 3);
}

/// After 999999 comes 000001. The same number in the next batch is another request, in the same
/// batch it is the same one, and its reversal means the one of its own batch.
#[tokio::test]
async fn trace_numbers_come_round() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let numbered = |trace, batch| Request::purchase(trace).with(60, batch);
    let (first, second) = ("2200000100020", "2200000200020");
    let mut keys = Vec::new();
    for (trace, batch) in [
        (999_998, first),
        (999_999, first),
        (1, first),
        (1, second),
        (999_999, second),
        (1, first),
    ] {
        let frame = numbered(trace, batch).frame();
        let command = command_of(&mut switch, &mut peer, &frame).await;
        assert_eq!(command.place.trace, trace);
        keys.push(command.key);
    }
    assert_eq!(keys[2], keys[5]);
    assert_eq!(distinct(&keys), 5);
    for (batch, original) in [(first, keys[2]), (second, keys[3])] {
        let frame = numbered(1, batch).mti(b"0400").frame();
        let command = command_of(&mut switch, &mut peer, &frame).await;
        let Asked::Reversal {
            original: found, ..
        } = command.request
        else {
            panic!("{:?}", command.request);
        };
        assert_eq!(found.key, Some(original));
    }
}

async fn interbank() -> (Switch, Peer) {
    let switch = Switch::start(|settings| {
        settings.dialect = Dialect::cups();
        settings.sign_on = SignOn::Optional;
    })
    .await;
    let peer = Peer::speaking(Dialect::cups(), switch.connector.addresses()[0]).await;
    (switch, peer)
}

/// What a card is asked by a message, which is then approved.
async fn command_of(switch: &mut Switch, peer: &mut Peer, frame: &[u8]) -> Command {
    peer.send(frame).await;
    let command = switch.approve().await;
    assert_eq!(peer.receive().await.code(), "00");
    command
}

fn distinct(keys: &[LegKey]) -> usize {
    let new = |index: &usize| !keys[..*index].contains(&keys[*index]);
    (0..keys.len()).filter(new).count()
}
