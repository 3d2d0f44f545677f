//! What a terminal gets back, data element by data element.

use crate::requests::{Request, unhex};
use crate::switch::{BROKE, Switch, reply};
use card::{Outcome, Version};
use money::Amount;

/// The purchase of the shared test vectors, with PIN block, track and MAC.
const PURCHASE: &str = concat!(
    "007B60000300006031003110010200702004C020C09811166299990100001238000000000000012345000003",
    "02100006346299990100001238D2705220123450000037303030303030313839383939393935343131303030",
    "3131353681B2EBAD0342D44C26000000000000000013220000010002003946374342423546",
);

#[tokio::test]
async fn approval_as_in_the_vectors() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    peer.send(&unhex(PURCHASE)).await;
    let (position, command) = switch.command().await;
    switch.deliver(vec![reply(position, &command, Outcome::Approved)]);
    let answer = peer.receive().await;
    // TPDU turned round, header as it came.
    assert_eq!(answer.body[..11], unhex("6000000003603100311001"));
    let reference = String::from_utf8(
        acquirer_connector::references::retrieval_reference(position, 8).to_vec(),
    );
    let fields = [
        (2, "6299990100001238"),
        (3, "000000"),
        (4, "000000012345"),
        (11, "000003"),
        (12, "193005"),
        (13, "0511"),
        (15, "0512"),
        (25, "00"),
        (32, "69980290"),
        (37, &reference.unwrap()),
        (38, "000015"),
        (39, "00"),
        (41, "70000001"),
        (42, "898999954110001"),
        (44, "69990001   69980290   "),
        (49, "156"),
        (60, "2200000100020"),
        (63, "CUP"),
    ];
    answer.check("0210", &fields);
}

#[tokio::test]
async fn decline_has_no_approval_code() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    peer.send(&Request::purchase(7).frame()).await;
    switch.decide(BROKE).await;
    let answer = peer.receive().await;
    assert_eq!(
        answer.numbers(),
        [2, 3, 4, 11, 12, 13, 25, 32, 37, 39, 41, 42, 49, 60]
    );
    assert_eq!((answer.code().as_str(), answer.trace()), ("51", 7));
}

#[tokio::test]
async fn inquiry_tells_the_available_balance() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let inquiry = Request::purchase(2)
        .business("310000", "00", "01")
        .without(4);
    peer.send(&inquiry.frame()).await;
    let (position, command) = switch.command().await;
    let mut told = reply(position, &command, Outcome::Approved);
    told.available = Some(Amount::from_minor(87_655).unwrap());
    told.version = None;
    switch.deliver(vec![told]);
    let answer = peer.receive().await;
    assert_eq!(
        answer.numbers(),
        [2, 3, 11, 12, 13, 25, 32, 37, 39, 41, 42, 44, 49, 54, 60]
    );
    assert_eq!(answer.value(54).as_deref(), Some("1002156C000000087655"));
}

#[tokio::test]
async fn card_number_of_a_track_is_not_repeated() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let by_track = Request::purchase(5)
        .without(2)
        .with(35, "6299990100001238=27052201234500000");
    peer.send(&by_track.frame()).await;
    assert_eq!(switch.approve().await.card, crate::switch::card(1));
    let answer = peer.receive().await;
    assert_eq!((answer.value(2), answer.code().as_str()), (None, "00"));
}

#[tokio::test]
async fn each_answer_finds_its_request_whatever_the_order() {
    let mut switch = Switch::start(|_| {}).await;
    let (mut one, mut two) = (switch.peer().await, switch.peer().await);
    let mut replies = Vec::new();
    for trace in 0..20 {
        let peer = if trace % 2 == 0 { &mut one } else { &mut two };
        peer.send(&Request::purchase(trace).frame()).await;
        let (position, command) = switch.command().await;
        let mut told = reply(position, &command, Outcome::Approved);
        told.version = Some(Version(trace));
        replies.push(told);
    }
    replies.reverse();
    switch.deliver(replies);
    for (peer, parity) in [(&mut one, 0), (&mut two, 1)] {
        for answer in peer.receive_many(10).await {
            assert_eq!(answer.trace() % 2, parity);
            let code = acquirer_connector::references::approval_code(Version(
                answer.trace().try_into().unwrap(),
            ));
            assert_eq!(answer.value(38).unwrap().as_bytes(), code);
        }
    }
}
