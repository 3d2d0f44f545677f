//! Golden vectors: decoding gives their fields, encoding gives their bytes, bad ones are refused.
use serde_json::Value;

use crate::support::{dialect_of, encode_again, string, unhex, vectors};
use iso8583::frame::{self, NextFrame};
use iso8583::{DecodeErrorKind, Dialect, Encoder, Encoding, Field, Message};

/// The value of a field as the vectors write it.
fn value_of(field: &Field<'_>) -> String {
    if let Some(digits) = field.digits() {
        return digits.as_str().to_owned();
    }
    if let Some(text) = field.text() {
        return String::from_utf8(text.to_vec()).unwrap();
    }
    assert_eq!(field.spec().encoding(), Encoding::Binary);
    field
        .content()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

fn body_of(dialect: &Dialect, frame: &[u8]) -> std::ops::Range<usize> {
    match frame::next_frame(dialect, frame).expect("a frame") {
        NextFrame::Frame { body, consumed } => {
            assert_eq!(consumed, frame.len());
            body
        }
        other @ (NextFrame::Incomplete { .. } | NextFrame::Idle { .. }) => {
            panic!("expected a whole frame, got {other:?}")
        }
    }
}

fn check_golden(vector: &Value) {
    let name = string(vector, "name");
    let dialect = dialect_of(vector);
    let frame = unhex(&vector["frame_hex"]);
    let message = Message::decode(dialect, &frame[body_of(dialect, &frame)]).unwrap();

    assert_eq!(message.mti().to_string(), string(vector, "mti"), "{name}");
    let expected = vector["fields"].as_array().unwrap();
    assert_eq!(message.fields().count(), expected.len(), "{name}");
    for (field, expected) in message.fields().zip(expected) {
        assert_eq!(
            u64::from(field.number()),
            expected["n"].as_u64().unwrap(),
            "{name}"
        );
        assert_eq!(
            value_of(&field),
            string(expected, "value"),
            "{name} {field:?}"
        );
        if let Some(wire) = expected.get("wire") {
            assert_eq!(field.wire(), unhex(wire), "{name} {field:?}");
        }
    }
    assert_eq!(encode_again(&message).unwrap(), frame, "{name}");
}

#[test]
fn pos_vectors_decode_and_encode() {
    let vectors = vectors("pos");
    assert_eq!(vectors.len(), 25);
    for vector in &vectors {
        check_golden(vector);
        let frame = unhex(&vector["frame_hex"]);
        let message = Message::decode(Dialect::pos(), &frame[2..]).unwrap();
        assert_eq!(message.tpdu().unwrap(), unhex(&vector["tpdu"]));
        assert_eq!(message.header(), unhex(&vector["header"]));
        let mac_input = vector
            .get("mac")
            .filter(|mac| mac.is_object())
            .map(|mac| unhex(&mac["input_hex"]));
        assert_eq!(
            message.mac_input(),
            mac_input.as_deref(),
            "{}",
            vector["name"]
        );
    }
}

#[test]
fn cups_vectors_decode_and_encode() {
    let vectors = vectors("cups");
    assert_eq!(vectors.len(), 16);
    for vector in &vectors {
        check_golden(vector);
        let frame = unhex(&vector["frame_hex"]);
        let message = Message::decode(Dialect::cups(), &frame[4..]).unwrap();
        if vector.get("header_hex").is_some() {
            assert_eq!(message.header(), unhex(&vector["header_hex"]));
        }
        assert_eq!((message.tpdu(), message.mac_input()), (None, None));
    }
}

#[test]
fn negative_vectors_are_refused_by_name() {
    let mut seen_count = 0;
    for vector in vectors("negative") {
        let bytes = unhex(&vector["hex"]);
        let name = string(&vector, "name");
        check_negative(name, &bytes);
        seen_count += 1;
    }
    assert_eq!(seen_count, 8);
}

fn check_negative(name: &str, bytes: &[u8]) {
    let pos = Dialect::pos();
    match name {
        "neg-mac-last-byte-flipped" => {
            let message = Message::decode(pos, &bytes[2..]).unwrap();
            assert_eq!(message.bytes(64).unwrap(), b"9F7CBB5G");
        }
        "neg-length-prefix-too-long" => {
            let next = frame::next_frame(pos, bytes).unwrap();
            assert_eq!(next, NextFrame::Incomplete { needed: 2 });
        }
        "neg-secondary-bitmap-bit-in-pos-dialect" => {
            refuse(
                pos,
                &bytes[2..],
                "bitmap at byte 13: bit 1 is set, the dialect has 64 data elements",
            );
        }
        "neg-pan-length-25" => {
            refuse(
                pos,
                &bytes[2..],
                "de2 at byte 21: length 25 is over the maximum of 19",
            );
        }
        "neg-pan-nibble-not-digit" => {
            refuse(pos, &bytes[2..], "de2 at byte 22: not a digit");
        }
        "neg-unknown-mti" => {
            let error = Message::decode(pos, &bytes[2..]).unwrap_err();
            assert_eq!(error.kind, DecodeErrorKind::UnknownMti { digits: *b"9900" });
        }
        "neg-cups-length-mismatch" => {
            let received = bytes.len();
            let error = Message::decode(Dialect::cups(), bytes).unwrap_err();
            assert_eq!(
                error.kind,
                DecodeErrorKind::TotalLength {
                    stated: 9_999,
                    received
                }
            );
        }
        "neg-cups-header-length-45" => {
            refuse(
                Dialect::cups(),
                bytes,
                "frame at byte 0: header length is 45, it must be 46",
            );
        }
        other => panic!("a new negative vector needs its expectation here: {other}"),
    }
}

#[track_caller]
fn refuse(dialect: &'static Dialect, body: &[u8], message: &str) {
    let error = Message::decode(dialect, body).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn an_answer_goes_back_the_way_it_came() {
    let requests = vectors("pos");
    let request = requests
        .iter()
        .find(|vector| vector["name"] == "pos-05-purchase-req")
        .unwrap();
    let response = requests
        .iter()
        .find(|vector| vector["name"] == "pos-06-purchase-resp-approved")
        .unwrap();
    let frame = unhex(&request["frame_hex"]);
    let request = Message::decode(Dialect::pos(), &frame[2..]).unwrap();

    let mut out = b"the answer before".to_vec();
    let mut encoder = Encoder::answer(&request, &mut out).unwrap();
    for number in [2, 3, 4, 11] {
        encoder.echo(number, &request);
    }
    encoder
        .digits(12, "193005")
        .digits(13, "0511")
        .digits(14, "2705")
        .number(15, 512)
        .echo(25, &request)
        .digits(32, "69980290")
        .text(37, "051119300501")
        .text(38, "A12345")
        .text(39, "00");
    for number in [41, 42] {
        encoder.echo(number, &request);
    }
    encoder
        .text(44, "69990001   69980290   ")
        .echo(49, &request)
        .echo(60, &request)
        .text(63, "CUP");
    encoder
        .bytes(64, unhex(&response["fields"][19]["value"]))
        .finish()
        .unwrap();
    drop(encoder);

    let expected = unhex(&response["frame_hex"]);
    assert_eq!(out[b"the answer before".len()..], expected[..]);
}
