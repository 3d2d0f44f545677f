//! The codec against two codecs written by others, jPOS and pyiso8583: all golden vectors and 200
//! seeded messages of each dialect, both ways, data element by data element and byte by byte.
//!
//! Each codec runs as a process that reads our own dialect file (`Jpos.java`, `pyiso.py`). They are
//! installed by `./check tools`; without them these tests fail and say so.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod peer;
mod sample;

use iso8583::{BitmapWidth, Dialect, Encoding, FieldSpec, LengthKind, Message};

use peer::{Codec, Peer};
use sample::{Sample, golden_samples, random_samples};

/// Messages of each dialect beside the golden ones.
const RANDOM_COUNT: usize = 200;

/// What pyiso8583 cannot write: a third bitmap, and a length that counts the bytes behind hex.
fn pyiso_can(number: u8, spec: &FieldSpec) -> bool {
    let is_counted_hex = spec.encoding() == Encoding::Hex && spec.length() != LengthKind::Fixed;
    number <= 128 && !is_counted_hex
}

fn check_codec(codec: Codec, can: fn(u8, &FieldSpec) -> bool) {
    for name in Dialect::builtin_names() {
        let dialect = Dialect::builtin(name).unwrap();
        let mut peer = Peer::start(codec, name);
        let golden = golden_samples(dialect);
        assert!(golden.len() >= 2, "{name} has golden vectors");
        let random = random_samples(dialect, RANDOM_COUNT, can);
        for sample in golden.iter().chain(&random) {
            check_sample(&mut peer, dialect, sample);
        }
    }
}

#[track_caller]
fn check_sample(peer: &mut Peer, dialect: &'static Dialect, sample: &Sample) {
    let told = sample.line();
    // What we write they read.
    let ours = sample.encode(dialect, dialect.usual_bitmap_width(0));
    let read = peer.ask(&format!("D {}", hex(iso_part(dialect, &ours))));
    assert_eq!(read, told, "{dialect:?}, read by {peer:?}");
    // What they write is what we write, and we read it. They send no bitmap that is empty.
    let shortest = sample.encode(dialect, BitmapWidth::Primary);
    let written = peer.ask(&format!("E {told}"));
    let shortest_part = hex(iso_part(dialect, &shortest));
    assert_eq!(
        written, shortest_part,
        "{dialect:?} {told}, written by {peer:?}"
    );
    for body in [&ours, &shortest] {
        let message = Message::decode(dialect, body).unwrap();
        assert_eq!(Sample::of(&message).line(), told, "{dialect:?}");
    }
}

/// The bytes from the message type on.
fn iso_part<'b>(dialect: &Dialect, body: &'b [u8]) -> &'b [u8] {
    let tpdu_size = if dialect.has_tpdu() {
        iso8583::TPDU_SIZE
    } else {
        0
    };
    &body[tpdu_size + dialect.header_size()..]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn jpos_reads_what_we_write_and_writes_what_we_write() {
    check_codec(Codec::Jpos, |_, _| true);
}

#[test]
fn pyiso8583_reads_what_we_write_and_writes_what_we_write() {
    check_codec(Codec::Pyiso, pyiso_can);
}
