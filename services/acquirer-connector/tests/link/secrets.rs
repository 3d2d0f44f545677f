//! Card numbers, tracks and PIN blocks stay out of log lines and of the log.

use std::io::Write;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::Level;

use crate::requests::{CARD_A, CARD_UNKNOWN, Request};
use crate::switch::Switch;

const TRACK: &str = "6299990100001238=27052201234500000";
const PIN_BLOCK: &str = "\x12PINBLK!";
const CHIP: &str = "chip-data-9F26";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All that must not be seen, as characters and as the packed digits of the wire.
fn secrets() -> Vec<Vec<u8>> {
    let texts = [
        &CARD_A[6..],
        &CARD_UNKNOWN[6..],
        &TRACK[17..],
        PIN_BLOCK,
        CHIP,
    ];
    let packed = [CARD_A, CARD_UNKNOWN].map(|digits| crate::requests::unhex(&digits[6..]));
    texts
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain(packed)
        .collect()
}

#[track_caller]
fn check(seen: &[u8], place: &str) {
    for secret in secrets() {
        let found = seen.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "a secret of {} bytes is in {place}", secret.len());
    }
}

#[tokio::test]
async fn no_secret_leaves_the_exchange() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole program: what other tests log meanwhile must hold no secret either.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut switch = Switch::start(|settings| settings.in_flight_max = 1).await;
    let mut peer = switch.peer().await;
    let full = Request::purchase(1)
        .with(35, TRACK)
        .with(52, PIN_BLOCK)
        .with(55, CHIP);
    peer.send(&full.frame()).await;
    let (_, command) = switch.command().await;
    // One over the bound, one for an unknown card, one for two cards, one that is broken, garbage.
    for request in [
        full.clone().with(11, "000002"),
        full.clone().with(2, CARD_UNKNOWN).without(35),
        full.clone().with(2, CARD_UNKNOWN),
        full.clone().with(2, "6299990100001239").without(35),
    ] {
        peer.ask(&request.frame()).await;
    }
    let mut broken = full.frame();
    broken[24] |= 0x0A;
    peer.ask(&broken).await;
    peer.send(b"\0\0garbage").await;
    switch.log.refuse_submits("disk is full");
    switch
        .peer()
        .await
        .ask(&full.with(11, "000003").frame())
        .await;
    switch.log.accept_submits();
    let lines = lines.0.lock().clone();
    assert!(String::from_utf8_lossy(&lines).contains("NOT CHECKED"));
    assert!(String::from_utf8_lossy(&lines).contains("refused at the edge"));
    check(&lines, "log lines");
    check(format!("{command:?}").as_bytes(), "a command's debug form");
    for record in switch.log.records() {
        check(&record.payload, "a record of the log");
    }
}
