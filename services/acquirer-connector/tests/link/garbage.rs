//! Bytes that are no messages: others go on as if nothing had happened.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::peer::Peer;
use crate::requests::{Request, unhex};
use crate::switch::Switch;

/// Frames of the shared test vectors that must be refused, with the answer that can be formed.
const REFUSED: &[(&str, Option<&str>)] = &[
    // Bit 1 of the bitmap set.
    (
        "007B60000300006031003110010200F02004C020C0981116629999010000123800000000000001234500000302\
         100006346299990100001238D27052201234500000373030303030303138393839393939353431313030303131\
         353681B2EBAD0342D44C26000000000000000013220000010002003946374342423546",
        None,
    ),
    // A card number of 25 digits.
    (
        "007B60000300006031003110010200702004C020C0981125629999010000123800000000000001234500000302\
         100006346299990100001238D27052201234500000373030303030303138393839393939353431313030303131\
         353681B2EBAD0342D44C26000000000000000013220000010002003946374342423546",
        None,
    ),
    // A card number with a hexadecimal digit.
    (
        "007B60000300006031003110010200702004C020C0981116A29999010000123800000000000001234500000302\
         100006346299990100001238D27052201234500000373030303030303138393839393939353431313030303131\
         353681B2EBAD0342D44C26000000000000000013220000010002003946374342423546",
        Some("30"),
    ),
];

/// A message type that nobody uses.
const UNKNOWN_TYPE: &str = "007B60000300006031003110019900702004C020C09811166299990100001238000000\
    00000001234500000302100006346299990100001238D2705220123450000037303030303030313839383939393935\
    3431313030303131353681B2EBAD0342D44C26000000000000000013220000010002003946374342423546";

async fn is_serving(switch: &mut Switch, peer: &mut Peer, trace: u32) {
    peer.send(&Request::purchase(trace).frame()).await;
    switch.approve().await;
    assert_eq!(peer.receive().await.trace(), u64::from(trace));
}

#[tokio::test]
async fn vectors_that_must_be_refused() {
    let mut switch = Switch::start(|_| {}).await;
    for (frame, code) in REFUSED {
        let mut peer = switch.peer().await;
        peer.send(&unhex(frame)).await;
        match code {
            None => assert!(peer.is_closed().await),
            Some(code) => {
                let answer = peer.receive().await;
                assert_eq!((answer.code().as_str(), answer.trace()), (*code, 3));
                is_serving(&mut switch, &mut peer, 1).await;
            }
        }
    }
    assert_eq!(
        switch
            .meter
            .count("switch_frames_refused_total/undecodable"),
        3
    );
    assert_eq!(
        switch.meter.count("switch_connections_cut_total/garbage"),
        2
    );
    assert_eq!(switch.appended_count(), 1);
}

#[tokio::test]
async fn unknown_types_and_answers_are_ignored() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    peer.send(&unhex(UNKNOWN_TYPE)).await;
    peer.send(&Request::purchase(1).mti(b"0210").frame()).await;
    peer.send(&Request::purchase(2).mti(b"0202").frame()).await;
    is_serving(&mut switch, &mut peer, 3).await;
    assert_eq!(
        switch
            .meter
            .count("switch_frames_refused_total/unknown_type"),
        3
    );
    assert_eq!(switch.appended_count(), 1);
}

#[tokio::test]
async fn lengths_that_are_none_end_the_connection_after_what_came_before() {
    let mut switch = Switch::start(|settings| settings.frame_size_max = 200).await;
    for (length, reason) in [
        ([0x00, 0x00], "framing"),
        ([0x00, 0xC9], "too_long"),
        ([0xFF, 0xFF], "too_long"),
    ] {
        let mut peer = switch.peer().await;
        let good_then_bad = [Request::purchase(1).frame(), length.to_vec(), vec![7; 300]].concat();
        peer.send(&good_then_bad).await;
        switch.approve().await;
        assert_eq!(peer.receive().await.code(), "00");
        assert!(peer.is_closed().await);
        let counter = format!("switch_frames_refused_total/{reason}");
        assert!(switch.meter.count(&counter) > 0);
    }
}

/// Random bytes, and good frames with a few bytes changed.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let frame = Request::purchase(1)
        .with(35, "6299990100001238=27052201234500000")
        .frame();
    let size = frame.len();
    let mutated = prop::collection::vec((0..size, any::<u8>()), 1..6).prop_map(move |changes| {
        let mut frame = frame.clone();
        for (index, byte) in changes {
            frame[index] = byte;
        }
        frame
    });
    let random = prop::collection::vec(any::<u8>(), 1..300);
    prop_oneof![3 => prop::collection::vec(mutated, 1..4).prop_map(|frames| frames.concat()),
        1 => random]
}

#[test]
fn noise_harms_nobody_else() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut switch = runtime.block_on(Switch::start(|_| {}));
    let mut good = runtime.block_on(switch.peer());
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(500)
    };
    let mut trace = 1_000;
    let cases = std::cell::RefCell::new((&mut switch, &mut good, &mut trace));
    TestRunner::new(config)
        .run(&noise(), |bytes| {
            let (switch, good, trace) = &mut *cases.borrow_mut();
            runtime.block_on(async {
                let mut bad = switch.peer().await;
                bad.send(&bytes).await;
                bad.finish_sending().await;
                // What happens to be a good purchase is one.
                **trace += 1;
                good.send(&Request::purchase(**trace).frame()).await;
                let position_and_command = loop {
                    let next = switch.command().await;
                    if next.1.key == key_of(**trace) {
                        break next;
                    }
                };
                let (position, command) = position_and_command;
                let told = crate::switch::reply(position, &command, card::Outcome::Approved);
                switch.deliver(vec![told]);
                assert_eq!(good.receive().await.trace(), u64::from(**trace));
            });
            Ok(())
        })
        .unwrap();
}

fn key_of(trace: u32) -> card::LegKey {
    use acquirer_connector::keys::{Leg, Origin, leg_key};
    let origin = Origin {
        participant: registry::ParticipantId::parse(crate::switch::ACQUIRER).unwrap(),
        merchant: card::MerchantId(*b"898999954110001"),
        terminal: card::TerminalId(*b"70000001"),
    };
    leg_key(
        &origin,
        &Leg {
            batch: 1,
            trace,
            mti: iso8583::Mti::FINANCIAL_REQUEST,
        },
    )
}
