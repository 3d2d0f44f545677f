//! Each business of the dialect becomes the command that it is.

use crate::requests::{CARD_A, CARD_B, Request};
use crate::switch::{ACQUIRER, BROKE, FEE, PARTITION_COUNT, Switch, card};
use acquirer_connector::keys::{Leg, Origin, leg_key};
use acquirer_connector::references::{approval_code, retrieval_reference};
use card::{
    Adjusted, CheckFact, CompletionForm, CreditSource, LegKey, MerchantId, OriginalRef, Outcome,
    Position, Request as Asked, TerminalId, Version,
};
use command_log::partition_of;
use iso8583::Mti;
use money::Amount;
use registry::ParticipantId;

fn key(mti: &[u8; 4], batch: u32, trace: u32) -> LegKey {
    let origin = Origin {
        participant: ParticipantId::parse(ACQUIRER).unwrap(),
        merchant: MerchantId(*b"898999954110001"),
        terminal: TerminalId(*b"70000001"),
    };
    leg_key(
        &origin,
        &Leg {
            batch,
            trace,
            mti: Mti::parse(*mti).unwrap(),
        },
    )
}

fn amount() -> Amount {
    Amount::from_minor(12_345).unwrap()
}

/// The place in the log of an earlier record of card A.
fn place_of_original() -> Position {
    Position {
        partition: partition_of(card(1), PARTITION_COUNT),
        offset: 77,
    }
}

fn with_original(request: Request) -> Request {
    let reference = retrieval_reference(place_of_original(), PARTITION_COUNT);
    request
        .with(37, std::str::from_utf8(&reference).unwrap())
        .with(
            38,
            std::str::from_utf8(&approval_code(Version(40))).unwrap(),
        )
        .with(61, "0000010000030511")
}

async fn check(request: Request, expected: Asked) {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    peer.send(&request.frame()).await;
    let command = switch.approve().await;
    assert_eq!(command.request, expected);
    assert_eq!((command.card, command.medium), (card(1), 0));
    assert_eq!(peer.receive().await.code(), "00");
}

/// What the card is asked, whatever it answers.
async fn asked(request: Request) -> Asked {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    peer.send(&request.frame()).await;
    let command = switch.approve().await;
    assert_eq!(peer.receive().await.code(), "00");
    assert_eq!((command.place.batch, command.place.trace), (1, 9));
    command.request
}

#[tokio::test]
async fn account_checks_offline_sales_and_their_corrections() {
    let purchase = Request::purchase(9);
    let check = purchase.clone().business("330000", "00", "01").mti(b"0100");
    assert_eq!(asked(check).await, Asked::AccountCheck);
    let later = |kind| with_original(purchase.clone().business("000000", "00", kind).mti(b"0220"));
    let Asked::OfflineSale { original, .. } = asked(later("30")).await else {
        panic!("not an offline sale");
    };
    assert_eq!(original.approval, Some(Version(40)));
    for (kind, expected) in [("32", Adjusted::Sale), ("34", Adjusted::Tip)] {
        let Asked::Adjust { original, what, .. } = asked(later(kind)).await else {
            panic!("not an adjustment");
        };
        assert_eq!(what, expected);
        assert_eq!(original.offset, Some(place_of_original().offset));
    }
}

#[tokio::test]
async fn a_confirmation_names_the_top_up_with_its_own_trace() {
    let top_up = Request::purchase(9).business("630000", "00", "48");
    let Asked::CreditConfirm { original, .. } = asked(top_up.mti(b"0220")).await else {
        panic!("not a confirmation");
    };
    assert_eq!(original.key, Some(key(b"0200", 1, 9)));
}

#[tokio::test]
async fn a_terminal_is_told_that_a_late_credit_is_done() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let confirmation = Request::purchase(9)
        .business("630000", "00", "48")
        .mti(b"0220");
    for outcome in [Outcome::AcceptedUnseen, Outcome::AcceptedAfterRefusal] {
        peer.send(&confirmation.frame()).await;
        switch.decide(outcome).await;
        assert_eq!(peer.receive().await.code(), "00");
    }
}

#[tokio::test]
async fn businesses_without_an_original() {
    let amount = amount();
    let purchase = Request::purchase(9);
    check(purchase.clone(), Asked::Purchase { amount }).await;
    check(
        purchase.clone().business("030000", "06", "10").mti(b"0100"),
        Asked::PreAuth { amount },
    )
    .await;
    check(
        purchase.clone().business("630000", "00", "48"),
        Asked::DirectCredit {
            amount,
            source: CreditSource::Cash,
        },
    )
    .await;
    check(
        purchase.business("310000", "00", "01").without(4),
        Asked::BalanceInquiry,
    )
    .await;
}

#[tokio::test]
async fn businesses_with_an_original() {
    let amount = amount();
    let request = with_original(Request::purchase(9));
    let anywhere = OriginalRef {
        key: None,
        offset: Some(77),
        approval: Some(Version(40)),
    };
    let original = OriginalRef {
        key: Some(key(b"0200", 1, 3)),
        ..anywhere
    };
    let by_code = OriginalRef {
        offset: None,
        ..anywhere
    };
    check(
        request.clone().business("200000", "00", "23"),
        Asked::Void { amount, original },
    )
    .await;
    check(
        request.clone().business("200000", "06", "21"),
        Asked::CompletionVoid { amount, original },
    )
    .await;
    check(
        request.clone().business("200000", "00", "25").mti(b"0220"),
        Asked::Refund {
            amount,
            original: anywhere,
        },
    )
    .await;
    let request = request.without(37);
    check(
        request.clone().business("200000", "06", "11").mti(b"0100"),
        Asked::PreAuthVoid {
            amount,
            original: by_code,
        },
    )
    .await;
    let form = CompletionForm::Request;
    check(
        request.clone().business("000000", "06", "20"),
        Asked::Completion {
            amount,
            original: by_code,
            form,
        },
    )
    .await;
    let form = CompletionForm::Advice;
    check(
        request.business("000000", "06", "24").mti(b"0220"),
        Asked::Completion {
            amount,
            original: by_code,
            form,
        },
    )
    .await;
}

#[tokio::test]
async fn reversals_carry_the_key_of_their_original() {
    for (f3, f25, kind, class) in [
        ("000000", "00", "22", b"0200"),
        ("200000", "00", "23", b"0200"),
        ("030000", "06", "10", b"0100"),
        ("200000", "06", "11", b"0100"),
        ("000000", "06", "20", b"0200"),
        ("200000", "06", "21", b"0200"),
        ("630000", "00", "48", b"0200"),
    ] {
        let reversal = Request::purchase(9)
            .business(f3, f25, kind)
            .mti(b"0400")
            .with(39, "98");
        let original = OriginalRef {
            key: Some(key(class, 1, 9)),
            ..OriginalRef::default()
        };
        check(
            reversal,
            Asked::Reversal {
                amount: amount(),
                original,
            },
        )
        .await;
    }
}

#[tokio::test]
async fn references_that_name_nothing_are_told_to_the_card_as_such() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let other_partition = (place_of_original().partition.0 + 1) % PARTITION_COUNT;
    let elsewhere = Position {
        partition: card::PartitionId(other_partition),
        offset: 77,
    };
    let elsewhere = retrieval_reference(elsewhere, PARTITION_COUNT);
    let void = with_original(Request::purchase(9)).business("200000", "00", "23");
    for request in [
        void.clone().with(37, "not-a-number"),
        void.clone()
            .with(37, std::str::from_utf8(&elsewhere).unwrap()),
        void.with(38, "a code"),
    ] {
        peer.send(&request.frame()).await;
        let Asked::Void { original, .. } = switch.decide(BROKE).await.request else {
            panic!("not a void");
        };
        assert_eq!(original.offset, Some(u64::MAX));
        peer.receive().await;
    }
}

#[tokio::test]
async fn key_and_content_are_told_apart() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let mut commands = Vec::new();
    for request in [
        Request::purchase(3),
        Request::purchase(3).mti(b"0201").with(22, "051"),
        Request::purchase(3).with(4, "000000020000"),
        Request::purchase(4),
        Request::purchase(3).with(60, "2200000200020"),
    ] {
        peer.send(&request.frame()).await;
        commands.push(switch.approve().await);
        peer.receive().await;
    }
    let [first, repeat, other_amount, other_trace, other_batch] = &commands[..] else {
        panic!("five commands");
    };
    assert_eq!(first.key, key(b"0200", 1, 3));
    assert_eq!(
        (repeat.key, repeat.fingerprint),
        (first.key, first.fingerprint)
    );
    assert_eq!(other_amount.key, first.key);
    assert_ne!(other_amount.fingerprint, first.fingerprint);
    assert_ne!(other_trace.key, first.key);
    assert_eq!(other_trace.fingerprint, first.fingerprint);
    assert_ne!(other_batch.key, first.key);
}

#[tokio::test]
async fn facts_say_what_was_not_checked() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    peer.send(&Request::purchase(1).frame()).await;
    let facts = switch.approve().await.facts;
    assert_eq!(
        [facts.mac, facts.pin, facts.cryptogram],
        [CheckFact::Absent; 3]
    );
    assert_eq!((facts.merchant_category, facts.merchant_group), (5_411, 3));
    assert_eq!(facts.fee, FEE);
    assert_ne!(facts.register_version, 0);
    let proofs = Request::purchase(2)
        .with(52, "12345678")
        .with(55, "chip")
        .with(64, "87654321");
    peer.send(&proofs.frame()).await;
    let facts = switch.approve().await.facts;
    assert_eq!(
        [facts.mac, facts.pin, facts.cryptogram],
        [CheckFact::NotChecked; 3]
    );
}

#[tokio::test]
async fn commands_go_to_the_partition_of_their_card() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    for (trace, digits, number) in [(1, CARD_A, 1), (2, CARD_B, 2)] {
        peer.send(&Request::purchase(trace).with(2, digits).frame())
            .await;
        let (position, command) = switch.command().await;
        assert_eq!(command.card, card(number));
        assert_eq!(
            position.partition,
            partition_of(card(number), PARTITION_COUNT)
        );
    }
}
