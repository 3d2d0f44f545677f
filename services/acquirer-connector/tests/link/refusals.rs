//! What the edge refuses by itself: a code for the terminal, and nothing in the log.

use std::sync::Arc;

use crate::peer::Peer;
use crate::requests::{CARD_A, CARD_B, CARD_UNKNOWN, Request};
use crate::switch::{PARTITION_COUNT, Switch, card, listener, start_with};
use card::{PartitionId, Position};
use command_log::memory::MemoryLog;
use command_log::{
    AppendError, CommandLog, ConsumeError, Digest, DurableWatch, LogId, NewRecord, partition_of,
};

async fn check(switch: &Switch, peer: &mut Peer, request: Request, code: &str, why: &str) {
    let appended_before = switch.appended_count();
    let answer = peer.ask(&request.frame()).await;
    assert_eq!(answer.code(), code, "{why}");
    assert_eq!(answer.message().number(11), Some(9), "{why}");
    assert_eq!(switch.appended_count(), appended_before, "{why}");
}

#[tokio::test]
async fn wrong_places_and_cards() {
    let switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let purchase = || Request::purchase(9);
    for (request, code, why) in [
        (purchase().with(41, "79999999"), "97", "no such terminal"),
        (
            purchase().with(42, "898999954110002"),
            "03",
            "another merchant's terminal",
        ),
        (purchase().with(49, "840"), "30", "not in yuan"),
        (
            purchase().with(2, CARD_UNKNOWN),
            "14",
            "card in no register",
        ),
        (purchase().with(2, "6299990100001239"), "14", "check digit"),
        (
            purchase().with(2, "629999010000"),
            "14",
            "too short for a card",
        ),
        (
            purchase().with(35, "6299990300007894=27052201234500000"),
            "30",
            "two cards in one message",
        ),
    ] {
        check(&switch, &mut peer, request, code, why).await;
    }
}

#[tokio::test]
async fn missing_data_elements() {
    let switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    for number in [2, 3, 4, 25, 41, 42, 49, 60] {
        let request = Request::purchase(9).without(number);
        check(
            &switch,
            &mut peer,
            request,
            "30",
            &format!("without de{number}"),
        )
        .await;
    }
    let void = Request::purchase(9).business("200000", "00", "23");
    check(&switch, &mut peer, void, "30", "void without its original").await;
    let refund = Request::purchase(9)
        .business("200000", "00", "25")
        .mti(b"0220");
    check(
        &switch,
        &mut peer,
        refund,
        "30",
        "refund without its original",
    )
    .await;
    let completion = Request::purchase(9).business("000000", "06", "20");
    check(
        &switch,
        &mut peer,
        completion,
        "30",
        "completion without approval code",
    )
    .await;
    let encrypted = Request::purchase(9)
        .without(2)
        .with(35, "6299990100001238=27052201234500000")
        .with(53, "2610000000000000");
    check(
        &switch,
        &mut peer,
        encrypted,
        "30",
        "card number only in an encrypted track",
    )
    .await;
    // Without its trace number too, though then the answer has none.
    let answer = peer.ask(&Request::purchase(9).without(11).frame()).await;
    assert_eq!(answer.code(), "30");
}

/// Purchases and completions alike; the batch of a reversal is that of what it undoes.
#[tokio::test]
async fn a_void_comes_in_the_batch_of_its_original() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    for (f25, kind) in [("00", "23"), ("06", "21")] {
        let void = Request::purchase(9)
            .business("200000", f25, kind)
            .with(37, "00000000003J")
            .with(38, "000014");
        for (original, code, why) in [
            ("0000020000030511", "12", "a later or earlier batch"),
            ("0000010000000511", "30", "no trace number"),
            ("0000000000000511", "30", "neither batch nor trace"),
        ] {
            let void = void.clone().with(61, original);
            check(&switch, &mut peer, void, code, why).await;
        }
        let appended_count = switch.appended_count();
        peer.send(&void.clone().with(61, "0000010000030511").frame())
            .await;
        switch.approve().await;
        assert_eq!(peer.receive().await.code(), "00");
        let reversal = void.mti(b"0400").with(39, "98");
        peer.send(&reversal.frame()).await;
        switch.approve().await;
        assert_eq!(peer.receive().await.code(), "00");
        assert_eq!(switch.appended_count(), appended_count + 2);
    }
}

#[tokio::test]
async fn businesses_that_are_not_offered() {
    let switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let purchase = Request::purchase(9);
    for (request, why) in [
        (
            purchase.clone().business("600000", "91", "45"),
            "e-cash load",
        ),
        (
            purchase.clone().business("000000", "00", "36"),
            "upload of offline purchases",
        ),
        (purchase.clone().mti(b"0620"), "script result"),
        (purchase.clone().mti(b"0220"), "purchase as an advice"),
        (
            purchase.clone().mti(b"0420"),
            "reversal of the other dialect is no purchase",
        ),
        (
            purchase.clone().business("310000", "00", "01").mti(b"0400"),
            "reversal of an inquiry",
        ),
        (
            purchase.business("200000", "00", "25").mti(b"0400"),
            "reversal of a refund",
        ),
    ] {
        check(&switch, &mut peer, request, "40", why).await;
    }
}

#[tokio::test]
async fn reversal_for_another_card_than_its_original() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    peer.send(&Request::purchase(9).with(2, CARD_A).frame())
        .await;
    switch.approve().await;
    assert_eq!(peer.receive().await.code(), "00");
    // Over another connection, as a terminal does after it lost one.
    let mut peer = switch.peer().await;
    let reversal = Request::purchase(9).mti(b"0400").with(39, "98");
    check(
        &switch,
        &mut peer,
        reversal.clone().with(2, CARD_B),
        "14",
        "another card",
    )
    .await;
    check(
        &switch,
        &mut peer,
        Request::purchase(9).with(2, CARD_B),
        "94",
        "its key again",
    )
    .await;
    peer.send(&reversal.with(2, CARD_A).frame()).await;
    assert_eq!(switch.approve().await.card, card(1));
    assert_eq!(peer.receive().await.code(), "00");
}

#[tokio::test]
async fn closed_partition_and_refusing_log() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    let partition = partition_of(card(1), PARTITION_COUNT);
    switch.gates.close(partition);
    check(
        &switch,
        &mut peer,
        Request::purchase(9),
        "96",
        "partition is closed",
    )
    .await;
    switch.gates.open(partition);
    switch.log.refuse_submits("disk is full");
    check(
        &switch,
        &mut peer,
        Request::purchase(9),
        "96",
        "log is full",
    )
    .await;
    assert_eq!(switch.meter.level("switch_exchanges_in_flight"), 0);
    switch.log.accept_submits();
    peer.send(&Request::purchase(9).frame()).await;
    switch.approve().await;
    assert_eq!(peer.receive().await.code(), "00");
    assert_eq!(switch.meter.count("switch_edge_answers_total/96"), 2);
}

/// Takes every record and says that it does not know.
struct Doubtful(Arc<MemoryLog>);

impl CommandLog for Doubtful {
    type Consumer = <MemoryLog as CommandLog>::Consumer;

    fn log_id(&self) -> &LogId {
        self.0.log_id()
    }

    fn submit(&self, records: Vec<NewRecord>) -> Result<(), AppendError> {
        self.0.submit(records)?;
        Err(AppendError::Unknown("line to the log broke".to_owned()))
    }

    async fn append(&self, record: NewRecord) -> Result<Position, AppendError> {
        self.0.append(record).await
    }

    fn end_offset(&self, partition: PartitionId) -> u64 {
        self.0.end_offset(partition)
    }

    fn consume(&self, starts: &[(PartitionId, u64)]) -> Result<Self::Consumer, ConsumeError> {
        self.0.consume(starts)
    }

    fn durable(&self) -> DurableWatch {
        self.0.durable()
    }

    fn witness(&self, decided: &[(Position, Digest)]) {
        self.0.witness(decided);
    }

    fn release_before(&self, starts: &[(PartitionId, u64)]) {
        self.0.release_before(starts);
    }
}

#[tokio::test]
async fn append_of_unknown_fate_gets_the_card_s_answer_or_none() {
    let log = Arc::new(MemoryLog::new(PARTITION_COUNT));
    let doubtful = Arc::new(Doubtful(Arc::clone(&log)));
    let mut switch = start_with(listener(), log, doubtful).await;
    let mut peer = switch.peer().await;
    peer.send(&Request::purchase(1).frame()).await;
    peer.send(&Request::purchase(2).frame()).await;
    let (_lost, _) = switch.command().await;
    // Had the edge answered the first by itself, that answer would come before this one.
    switch.approve().await;
    let answer = peer.receive().await;
    assert_eq!((answer.trace(), answer.code().as_str()), (2, "00"));
}
