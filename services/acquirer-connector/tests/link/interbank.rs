//! The interbank network's dialect: each business, originals by data element 90, institutions that
//! sign on.

use crate::institution::Telegram;
use crate::peer::Peer;
use crate::requests::{CARD_B, CARD_UNKNOWN};
use crate::switch::{BROKE, Switch, card};
use card::{
    Command, CompletionForm, CreditSource, DeclineReason, Outcome, Request as Asked, Version,
};
use iso8583::Dialect;
use link::SignOn;
use money::Amount;

async fn start(sign_on: SignOn) -> (Switch, Peer) {
    let switch = Switch::start(|settings| {
        settings.dialect = Dialect::cups();
        settings.sign_on = sign_on;
    })
    .await;
    let peer = Peer::speaking(Dialect::cups(), switch.connector.addresses()[0]).await;
    (switch, peer)
}

fn amount() -> Amount {
    Amount::from_minor(12_345).unwrap()
}

/// Sends, approves, and returns what the card was asked.
async fn asked(telegram: &Telegram) -> Command {
    let (mut switch, mut peer) = start(SignOn::Optional).await;
    peer.send(&telegram.frame()).await;
    let command = switch.approve().await;
    assert_eq!(peer.receive().await.code(), "00");
    command
}

#[tokio::test]
async fn a_purchase_is_answered_with_what_the_network_knows_it_by() {
    let (mut switch, mut peer) = start(SignOn::Optional).await;
    peer.send(&Telegram::purchase(100_003).frame()).await;
    let command = switch.approve().await;
    assert_eq!(command.request, Asked::Purchase { amount: amount() });
    assert_eq!((command.card, command.medium), (card(1), 0));
    assert_eq!(command.facts.merchant_category, 5_411);
    assert_eq!(command.facts.fee, card::FeeTerms::default());
    let answer = peer.receive().await;
    let expected = [
        (2, "6299990100001238"),
        (3, "000000"),
        (4, "000000012345"),
        (7, "0511193001"),
        (11, "100003"),
        (12, "193000"),
        (13, "0511"),
        (15, "0512"),
        (18, "5411"),
        (25, "00"),
        (32, "69980291"),
        (33, "00010000"),
        (37, "051119300501"),
        (38, "000015"),
        (39, "00"),
        (41, "80000001"),
        (42, "777888854110009"),
        (49, "156"),
        (60, "000002000300000000000011000500"),
        (100, "69990001"),
    ];
    answer.check("0210", &expected);
}

#[tokio::test]
async fn every_business_becomes_the_command_that_it_is() {
    let amount = amount();
    let purchase = Telegram::purchase(9);
    let inquiry = purchase.clone().business("300000", "02").without(4);
    assert_eq!(asked(&inquiry).await.request, Asked::BalanceInquiry);
    let hold = purchase.clone().mti(b"0100").business("030000", "06");
    assert_eq!(asked(&hold).await.request, Asked::PreAuth { amount });
    let transfer = purchase.clone().business("470000", "00");
    let source = CreditSource::Transfer;
    assert_eq!(
        asked(&transfer).await.request,
        Asked::DirectCredit { amount, source }
    );

    let later = purchase.with(38, "000014");
    let approval = Some(Version(40));
    let completion = later.clone().business("000000", "06");
    for (telegram, expected) in [
        (completion.clone(), CompletionForm::Request),
        (completion.mti(b"0220"), CompletionForm::Advice),
    ] {
        let Asked::Completion { original, form, .. } = asked(&telegram).await.request else {
            panic!("not a completion");
        };
        assert_eq!((original.approval, form), (approval, expected));
    }
    let release = later.mti(b"0100").business("200000", "06");
    let Asked::PreAuthVoid { original, .. } = asked(&release).await.request else {
        panic!("not the void of a hold");
    };
    assert_eq!(original.approval, approval);
}

#[tokio::test]
async fn data_element_90_names_the_original_of_voids_refunds_and_reversals() {
    let (mut switch, mut peer) = start(SignOn::Optional).await;
    peer.send(&Telegram::purchase(1).frame()).await;
    let purchase = switch.approve().await;
    peer.receive().await;
    let later = |trace| {
        Telegram::purchase(trace)
            .with(7, "0511200000")
            .of("0200", 1)
    };
    let void = later(2).business("200000", "00").with(38, "000015");
    let refund = later(3).business("200000", "00").mti(b"0220");
    let reversal = later(4).mti(b"0420");
    for telegram in [void, refund, reversal] {
        peer.send(&telegram.frame()).await;
        let command = switch.approve().await;
        let (Asked::Void { original, .. }
        | Asked::Refund { original, .. }
        | Asked::Reversal { original, .. }) = command.request
        else {
            panic!("{:?}", command.request);
        };
        assert_eq!(original.key, Some(purchase.key));
        assert_eq!(original.offset, None, "the reference is the sender's own");
        assert_ne!(command.key, purchase.key);
        assert_eq!(peer.receive().await.code(), "00");
    }
}

#[tokio::test]
async fn a_confirmed_transfer_tells_how_it_was_credited() {
    let (mut switch, mut peer) = start(SignOn::Optional).await;
    let confirmation = Telegram::purchase(2)
        .mti(b"0220")
        .business("470000", "00")
        .of("0200", 1);
    for (outcome, code) in [
        (Outcome::Approved, "00"),
        (Outcome::AcceptedUnseen, "A4"),
        (Outcome::AcceptedAfterRefusal, "A5"),
    ] {
        peer.send(&confirmation.frame()).await;
        let command = switch.decide(outcome).await;
        assert!(matches!(command.request, Asked::CreditConfirm { .. }));
        let answer = peer.receive().await;
        assert_eq!(
            (answer.mti().as_str(), answer.code().as_str()),
            ("0230", code)
        );
    }
}

#[tokio::test]
async fn a_repeat_has_the_key_of_its_first() {
    let first = asked(&Telegram::purchase(1)).await;
    let repeat = asked(&Telegram::purchase(1).mti(b"0201")).await;
    let other = asked(&Telegram::purchase(2)).await;
    let later = asked(&Telegram::purchase(1).with(7, "0511193002")).await;
    assert_eq!(
        (repeat.key, repeat.fingerprint),
        (first.key, first.fingerprint)
    );
    assert_ne!(other.key, first.key);
    assert_ne!(later.key, first.key);
}

#[tokio::test]
async fn a_reversal_is_answered_0430_without_approval_code() {
    let (mut switch, mut peer) = start(SignOn::Optional).await;
    let reversal = Telegram::purchase(2).mti(b"0420").of("0200", 1);
    peer.send(&reversal.frame()).await;
    let reason = DeclineReason::OriginalNotFound;
    switch.decide(Outcome::Declined(reason)).await;
    let answer = peer.receive().await;
    assert_eq!(
        (answer.mti().as_str(), answer.code().as_str()),
        ("0430", "25")
    );
    peer.send(&reversal.frame()).await;
    switch.approve().await;
    let answer = peer.receive().await;
    assert_eq!(answer.value(38), None);
    assert_eq!(answer.value(15).as_deref(), Some("0512"));
}

#[tokio::test]
async fn declines_carry_the_code_and_nothing_of_a_booking() {
    let (mut switch, mut peer) = start(SignOn::Optional).await;
    peer.send(&Telegram::purchase(1).frame()).await;
    switch.decide(BROKE).await;
    let answer = peer.receive().await;
    assert_eq!(answer.code(), "51");
    assert_eq!((answer.value(15), answer.value(38)), (None, None));
}

#[tokio::test]
async fn what_is_refused_at_the_edge_never_reaches_the_log() {
    let (switch, mut peer) = start(SignOn::Optional).await;
    let purchase = Telegram::purchase(1);
    let reversal = purchase.clone().mti(b"0420");
    for (telegram, code) in [
        (purchase.clone().with(2, CARD_UNKNOWN), "14"),
        (purchase.clone().without(2), "30"),
        (purchase.clone().with(49, "840"), "30"),
        (purchase.clone().without(4), "30"),
        (purchase.clone().without(7), "30"),
        (purchase.clone().without(41), "30"),
        (purchase.clone().business("010000", "02"), "57"), // Cash.
        (purchase.clone().business("460000", "00"), "57"), // Money to another account.
        (purchase.clone().business("600000", "91"), "40"), // E-cash load.
        (purchase.clone().business("200000", "00"), "30"), // A void of what?
        (purchase.clone().mti(b"0620"), "40"),
        (purchase.clone().at_our_merchant().with(18, "5999"), "03"),
        (reversal.clone(), "30"),
        (reversal.clone().with(90, &"9".repeat(42)), "30"),
        (
            reversal.clone().of("0220", 7).business("200000", "00"),
            "40",
        ),
        (Telegram::network("101"), "40"), // No keys.
    ] {
        let answer = peer.ask(&telegram.frame()).await;
        assert_eq!(answer.code(), code);
    }
    assert_eq!(switch.appended_count(), 0);
}

#[tokio::test]
async fn a_reversal_must_name_the_card_of_its_original() {
    let (mut switch, mut peer) = start(SignOn::Optional).await;
    peer.send(&Telegram::purchase(1).frame()).await;
    switch.approve().await;
    peer.receive().await;
    let reversal = Telegram::purchase(2)
        .mti(b"0420")
        .of("0200", 1)
        .with(2, CARD_B);
    assert_eq!(peer.ask(&reversal.frame()).await.code(), "14");
}

#[tokio::test]
async fn an_institution_that_signed_off_is_served_no_more() {
    let (mut switch, mut peer) = start(SignOn::Required).await;
    let purchase = Telegram::purchase(1).frame();
    assert_eq!(peer.ask(&purchase).await.code(), "C1");
    for (code, serves) in [
        ("001", true),
        ("301", true),
        ("201", true),
        ("202", true),
        ("002", false),
    ] {
        let telegram = Telegram::network(code).with(15, "0512");
        let answer = peer.ask(&telegram.frame()).await;
        assert_eq!(
            (answer.mti().as_str(), answer.code().as_str()),
            ("0830", "00")
        );
        assert_eq!(answer.value(70).as_deref(), Some(code));
        if serves {
            peer.send(&purchase).await;
            switch.approve().await;
            assert_eq!(peer.receive().await.code(), "00");
        } else {
            assert_eq!(peer.ask(&purchase).await.code(), "C1");
        }
    }
}

#[tokio::test]
async fn an_idle_probe_is_no_message() {
    let (mut switch, mut peer) = start(SignOn::Optional).await;
    peer.send(b"00000000").await;
    peer.send(&Telegram::purchase(1).frame()).await;
    switch.approve().await;
    assert_eq!(peer.receive().await.code(), "00");
}
