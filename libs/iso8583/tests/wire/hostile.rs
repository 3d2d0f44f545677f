//! Bytes that no honest peer sends: never a panic, and what is accepted means what it says.

use proptest::prelude::*;

use crate::support::{all_dialects, corpus, encode_again, golden_frames};
use iso8583::frame::{self, NextFrame};
use iso8583::{
    Balance, DecodeErrorKind, Dialect, Disclosure, Encoder, Encoding, Message, Mti, OwnedMessage,
    PosF60, PosF61, Speaks,
};

/// Reads bytes in every way there is. Whatever is accepted must encode to the same bytes.
fn read_in_every_way(dialect: &'static Dialect, buffer: &[u8]) {
    match frame::next_frame(dialect, buffer) {
        Ok(NextFrame::Frame { body, consumed }) => {
            assert!(body.end == consumed && consumed <= buffer.len());
            read_body(dialect, buffer, body);
        }
        Ok(NextFrame::Incomplete { needed }) => {
            assert!(needed > 0 && needed <= dialect.frame_size_max() + 4);
        }
        Ok(NextFrame::Idle { consumed }) => assert_eq!(consumed, 4),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn read_body(dialect: &'static Dialect, buffer: &[u8], body: std::ops::Range<usize>) {
    let frame = &buffer[..body.end];
    let message = match Message::decode(dialect, &buffer[body.clone()]) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset <= body.len(), "{error}");
            return;
        }
    };
    assert_eq!(encode_again(&message).unwrap(), frame);
    let revealed = OwnedMessage::of(&message, Disclosure::Revealed);
    let mut again = Vec::new();
    revealed.encode(dialect, &mut again).unwrap();
    assert_eq!(again, frame);
    let masked = OwnedMessage::of(&message, Disclosure::Masked);
    assert_eq!(masked.fields.len(), message.fields().count());
    if let Some(digits) = message.digits(60)
        && let Ok(parsed) = PosF60::parse(&digits)
    {
        assert_eq!(parsed.to_digits(), Some(digits));
    }
    if let Some(digits) = message.digits(61)
        && let Ok(parsed) = PosF61::parse(&digits)
    {
        assert_eq!(parsed.to_digits(), Some(digits));
    }
    if let Some(text) = message.text(54) {
        assert!(Balance::parse_all(text).count() <= 2);
    }
}

/// One change to a frame: where, and to what.
fn change(frame: &mut Vec<u8>, kind: u8, place: usize, byte: u8) {
    let index = place % frame.len();
    match kind % 4 {
        0 => frame[index] = byte,
        1 => frame[index] ^= 1 << (byte % 8),
        2 => frame.insert(index, byte),
        _ => drop(frame.remove(index)),
    }
}

/// Sets the length in front to the bytes that follow, so that changes get past it.
fn set_length(dialect: &'static Dialect, frame: &mut [u8]) {
    if dialect.speaks() != Speaks::Cups {
        let size = u16::try_from(frame.len() - 2).unwrap();
        frame[..2].copy_from_slice(&size.to_be_bytes());
    } else {
        let size = frame.len() - 4;
        frame[..4].copy_from_slice(format!("{size:04}").as_bytes());
        if frame.len() > 10 {
            frame[6..10].copy_from_slice(format!("{size:04}").as_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for dialect in all_dialects() {
            read_in_every_way(dialect, &bytes);
            let mut framed = [&[0; 4], &bytes[..]].concat();
            set_length(dialect, &mut framed);
            read_in_every_way(dialect, &framed);
        }
    }

    #[test]
    fn changed_frames_never_panic(
        which in any::<prop::sample::Index>(),
        dialect in prop::sample::select(all_dialects()),
        changes in prop::collection::vec((any::<u8>(), any::<usize>(), any::<u8>()), 1..6),
    ) {
        let frames = golden_frames(dialect);
        let mut frame = which.get(&frames).clone();
        for (kind, place, byte) in changes {
            change(&mut frame, kind, place, byte);
            read_in_every_way(dialect, &frame);
        }
        set_length(dialect, &mut frame);
        read_in_every_way(dialect, &frame);
    }
}

#[test]
fn every_cut_of_every_frame_is_incomplete() {
    for dialect in all_dialects() {
        for frame in golden_frames(dialect) {
            for end in 0..frame.len() {
                let next = frame::next_frame(dialect, &frame[..end]).unwrap();
                let NextFrame::Incomplete { needed } = next else {
                    panic!("{end} of {} bytes gave {next:?}", frame.len());
                };
                assert!(end + needed <= frame.len());
                if end >= 4 {
                    assert_eq!(end + needed, frame.len());
                }
            }
        }
    }
}

#[test]
fn every_cut_of_every_body_names_its_place() {
    let of_two_bytes = |dialect: &&Dialect| dialect.speaks() != Speaks::Cups;
    for dialect in all_dialects().into_iter().filter(of_two_bytes) {
        for frame in golden_frames(dialect) {
            for end in 2..frame.len() {
                let error = Message::decode(dialect, &frame[2..end]).unwrap_err();
                assert!(error.offset <= end - 2, "{error}");
            }
        }
    }
}

#[test]
fn one_byte_more_is_refused() {
    for dialect in all_dialects() {
        for mut frame in golden_frames(dialect) {
            frame.push(b'0');
            set_length(dialect, &mut frame);
            let Ok(NextFrame::Frame { body, .. }) = frame::next_frame(dialect, &frame) else {
                panic!("not a frame");
            };
            let error = Message::decode(dialect, &frame[body]).unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with("1 bytes after the last data element")
            );
        }
    }
}

/// The largest message that a table allows fits its frame, and one byte more is refused.
#[test]
fn the_longest_message_fits_the_largest_frame() {
    for (dialect, frame) in [
        (Dialect::pos(), &golden_frames(Dialect::pos())[0][2..]),
        (Dialect::cups(), &golden_frames(Dialect::cups())[0][4..]),
    ] {
        let prefix = Message::decode(dialect, frame).unwrap().prefix();
        let mut longest = Vec::new();
        let mut encoder = Encoder::new(dialect, &mut longest, &prefix, Mti::FINANCIAL_REQUEST);
        for (number, spec) in (2..=128).filter_map(|n| Some((n, dialect.field(n)?))) {
            let characters = vec![b'9'; spec.length_max()];
            match spec.encoding() {
                Encoding::Text => encoder.text(number, characters),
                Encoding::Binary | Encoding::Hex => encoder.bytes(number, characters),
                Encoding::SignedDigits => encoder.text(number, "C99999999"),
                Encoding::PackedLeft
                | Encoding::PackedRight
                | Encoding::PackedTrack
                | Encoding::Digits
                | Encoding::Track => encoder.digits(number, characters),
            };
        }
        encoder.finish().unwrap();
        drop(encoder);
        read_in_every_way(dialect, &longest);
        let over = vec![0; dialect.frame_size_max() + 1];
        let error = Message::decode(dialect, &over).unwrap_err();
        assert!(matches!(error.kind, DecodeErrorKind::BodyTooLong { .. }));
    }
}

#[test]
fn the_fuzz_corpus_never_panics() {
    let inputs = corpus();
    assert!(inputs.len() >= 40, "the corpus is missing");
    for input in inputs {
        for dialect in all_dialects() {
            read_in_every_way(dialect, &input);
            let mut framed = [&[0; 4], &input[..]].concat();
            set_length(dialect, &mut framed);
            read_in_every_way(dialect, &framed);
        }
    }
}
