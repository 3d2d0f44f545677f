//! ISO 8583:1987 and 1993 of proprietary networks: golden vectors, and the same messages in every
//! code page and form of bitmap.

use crate::support::{
    all_dialects, encode_again, frame_in, generic_messages, string, unhex, vectors,
};
use iso8583::frame::{self, NextFrame};
use iso8583::{
    BitmapWidth, Dialect, Disclosure, EncodeError, Encoder, Message, Mti, MtiVersion, OwnedMessage,
    Prefix, Speaks,
};

fn builtin(name: &str) -> &'static Dialect {
    Dialect::builtin(name).unwrap()
}

/// The body of the one frame in a buffer.
fn body<'f>(dialect: &Dialect, frame: &'f [u8]) -> &'f [u8] {
    let Ok(NextFrame::Frame { body, consumed }) = frame::next_frame(dialect, frame) else {
        panic!("not a frame");
    };
    assert_eq!(consumed, frame.len());
    &frame[body]
}

#[test]
fn generic_vectors_decode_and_encode() {
    let vectors = vectors("generic");
    assert_eq!(vectors.len(), 5);
    for vector in &vectors {
        let name = string(vector, "name");
        let dialect = match &name[..5] {
            "gen87" => builtin("iso87-ascii-hex"),
            "gen93" => builtin("iso93-ascii-hex"),
            other => panic!("no dialect for {other}"),
        };
        let bytes = unhex(&vector["message_hex"]);
        assert_eq!(bytes, string(vector, "message_ascii").as_bytes());
        let message = Message::decode(dialect, &bytes).unwrap();
        let owned = OwnedMessage::of(&message, Disclosure::Revealed);
        assert_eq!(owned.mti, string(vector, "mti"), "{name}");
        let expected: Vec<(u8, String)> = vector["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| {
                let number = field["n"].as_u64().unwrap().try_into().unwrap();
                (number, string(field, "value").to_owned())
            })
            .collect();
        assert_eq!(owned.fields, expected, "{name}");
        assert_eq!(body(dialect, &encode_again(&message).unwrap()), bytes);
        assert_eq!(body(dialect, &frame_in(&owned, dialect)), bytes);
    }
}

/// The same values come back whatever the bytes are, read by every accessor as in ASCII.
#[test]
fn every_form_has_the_same_values() {
    for dialect in all_dialects() {
        let (speaks, is_generic) = match dialect.speaks() {
            speaks @ (Speaks::Iso87 | Speaks::Iso93) => (speaks, true),
            speaks @ (Speaks::Pos | Speaks::Cups) => (speaks, false),
        };
        if !is_generic {
            continue;
        }
        for owned in generic_messages(speaks) {
            let frame = frame_in(&owned, dialect);
            let message = Message::decode(dialect, body(dialect, &frame)).unwrap();
            let again = OwnedMessage::of(&message, Disclosure::Revealed);
            assert_eq!((&again.mti, &again.fields), (&owned.mti, &owned.fields));
            assert_eq!(encode_again(&message).unwrap(), frame, "{dialect:?}");
            assert_eq!(message.text(41), Some(&b"70000001"[..]));
            assert_eq!(message.text(4), Some(&b"000000012345"[..]));
            assert_eq!(message.number(4), Some(12_345));
            if message.has(52) {
                assert_eq!(
                    message.bytes(52).unwrap(),
                    *b"\x81\xB2\xEB\xAD\x03\x42\xD4\x4C"
                );
                assert_eq!(message.bytes(192), Some(&[0xFF; 8][..]));
                assert_eq!(message.text(191), Some(&b""[..]));
                assert_eq!(message.bitmap_width(), BitmapWidth::WithTertiary);
            }
        }
    }
}

#[test]
fn ebcdic_bytes_are_those_of_the_code_page() {
    let dialect = builtin("iso87-ebcdic");
    let mut frame = Vec::new();
    Encoder::new(dialect, &mut frame, &Prefix::None, Mti::FINANCIAL_REQUEST)
        .digits(2, "6299990100001238")
        .digits(35, "6299990100001238=2705")
        .text(43, format!("{:40}", "Shop & Co. #7 @ 12/3 (A-B) ok?"))
        .bytes(52, [0x81, 0xB2, 0xEB, 0xAD, 0x03, 0x42, 0xD4, 0x4C])
        .finish()
        .unwrap();
    let expected = "F0F2F0F0 4000000020201000 F1F6 F6F2F9F9F9F9F0F1F0F0F0F0F1F2F3F8\
        F2F1 F6F2F9F9F9F9F0F1F0F0F0F0F1F2F3F87EF2F7F0F5\
        E2889697 40 50 40 C3964B 40 7BF7 40 7C 40 F1F261F3 40 4DC160C25D 40 96926F\
        40404040404040404040 81B2EBAD0342D44C";
    let expected: String = expected.split_whitespace().collect();
    assert_eq!(frame[2..], unhex(&expected.into()));
    let message = Message::decode(dialect, &frame[2..]).unwrap();
    assert_eq!(
        message.digits(35).unwrap().as_bytes(),
        b"6299990100001238=2705"
    );
    assert!(message.field(2).unwrap().wire().starts_with(&[0xF1, 0xF6]));
}

#[test]
fn characters_without_a_counterpart_are_refused_by_data_element() {
    let dialect = builtin("iso87-ebcdic");
    let mut frame = Vec::new();
    let write = |text: &[u8], frame: &mut Vec<u8>| {
        Encoder::new(dialect, frame, &Prefix::None, Mti::FINANCIAL_REQUEST)
            .text(41, text)
            .finish()
    };
    // Two characters in GBK.
    let error = write(b"SHOP\xB2\xE2\xCA\xD4", &mut frame).unwrap_err();
    assert_eq!(
        error.to_string(),
        "de41: character 4 has no counterpart in the dialect's code page"
    );
    assert!(frame.is_empty());
    write(b"SHOP0001", &mut frame).unwrap();
    for (byte, index) in [(0xFF, 0), (0x00, 3), (b'A', 7)] {
        let mut body = frame[2..].to_vec();
        let start = body.len() - 8;
        body[start + index] = byte;
        let error = Message::decode(dialect, &body).unwrap_err();
        let expected = format!(
            "de41 at byte {}: character has no counterpart in printable ascii",
            start + index
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn every_digit_and_letter_goes_through_ebcdic() {
    let all: String = (' '..='~').collect();
    for name in ["iso87-ebcdic", "iso93-ebcdic"] {
        let dialect = builtin(name);
        let mti = Mti::FINANCIAL_REQUEST.in_version(dialect.mti_version());
        let mut frame = Vec::new();
        Encoder::new(dialect, &mut frame, &Prefix::None, mti)
            .text(48, &all)
            .finish()
            .unwrap();
        let message = Message::decode(dialect, &frame[2..]).unwrap();
        assert_eq!(message.text(48), Some(all.as_bytes()));
    }
}

#[test]
fn bitmaps_grow_with_the_data_elements() {
    let write = |dialect: &'static Dialect, numbers: &[u8]| {
        let mut frame = Vec::new();
        let mut encoder = Encoder::new(dialect, &mut frame, &Prefix::None, Mti::FINANCIAL_REQUEST);
        for number in numbers {
            encoder.text(*number, "A");
        }
        encoder.finish().unwrap();
        drop(encoder);
        frame.split_off(2)
    };
    let hex = builtin("iso87-ascii-hex");
    for (numbers, expected) in [
        (&[48][..], "02000000000000010000001A"),
        (&[48, 127], "020080000000000100000000000000000002001A001A"),
        (
            &[48, 127, 130],
            "0200800000000001000080000000000000024000000000000000001A001A001A",
        ),
        (
            &[130],
            "0200800000000000000080000000000000004000000000000000001A",
        ),
        (&[127], "020080000000000000000000000000000002001A"),
    ] {
        let body = write(hex, numbers);
        assert_eq!(str::from_utf8(&body), Ok(expected), "{numbers:?}");
        let message = Message::decode(hex, &body).unwrap();
        let found: Vec<u8> = message.fields().map(|field| field.number()).collect();
        assert_eq!(found, numbers);
    }
}

/// The third bitmap as data element 65 comes after data element 64.
#[test]
fn a_third_bitmap_among_the_data_elements() {
    let file = Dialect::builtin_file("iso87-ascii-hex").unwrap();
    let file = file.replace("third in front", "third as element 65");
    let dialect = Dialect::parse(&file).unwrap().keep();
    for (numbers, expected) in [
        (
            &[48, 127, 130][..],
            "02008000000000010000800000000000000200 1A4000000000000000001A001A",
        ),
        (
            &[130],
            "020080000000000000008000000000000000 4000000000000000001A",
        ),
        (&[48, 127], "02008000000000010000000000000000000200 1A001A"),
    ] {
        let mut frame = Vec::new();
        let mut encoder = Encoder::new(dialect, &mut frame, &Prefix::None, Mti::FINANCIAL_REQUEST);
        for number in numbers {
            encoder.text(*number, "A");
        }
        encoder.finish().unwrap();
        drop(encoder);
        let expected = expected.replace(' ', "");
        assert_eq!(
            str::from_utf8(&frame[2..]),
            Ok(&expected[..]),
            "{numbers:?}"
        );
        let message = Message::decode(dialect, &frame[2..]).unwrap();
        for field in message.fields() {
            assert_eq!(field.text(), Some(&b"A"[..]), "{field:?}");
            assert_eq!(field.wire(), b"001A");
        }
        assert_eq!(encode_again(&message).unwrap(), frame);
    }
    // It may be there with no bit set, and comes back.
    let empty = "0200800000000001000080000000000000 00001A0000000000000000";
    let empty = empty.replace(' ', "");
    let message = Message::decode(dialect, empty.as_bytes()).unwrap();
    assert_eq!(message.bitmap_width(), BitmapWidth::WithTertiary);
    assert_eq!(encode_again(&message).unwrap()[2..], *empty.as_bytes());
}

#[test]
fn message_types_are_of_the_dialects_version() {
    let of_1993 = Mti::FINANCIAL_REQUEST.in_version(MtiVersion::V1993);
    for (name, right, wrong) in [
        ("iso87-ascii", Mti::FINANCIAL_REQUEST, of_1993),
        ("iso93-ascii", of_1993, Mti::FINANCIAL_REQUEST),
    ] {
        let dialect = builtin(name);
        let mut frame = Vec::new();
        Encoder::new(dialect, &mut frame, &Prefix::None, right)
            .number(11, 1)
            .finish()
            .unwrap();
        let mut body = frame[2..].to_vec();
        let request = Message::decode(dialect, &body).unwrap();
        let mut answer = Vec::new();
        Encoder::answer(&request, &mut answer)
            .unwrap()
            .echo(11, &request)
            .finish()
            .unwrap();
        let answer = Message::decode(dialect, &answer[2..]).unwrap();
        assert_eq!(Some(answer.mti()), right.response());
        body[..4].copy_from_slice(&wrong.digits());
        let error = Message::decode(dialect, &body).unwrap_err();
        assert_eq!(
            error.to_string(),
            "message type at byte 0: message type is unknown"
        );
        let error = Encoder::new(dialect, &mut Vec::new(), &Prefix::None, wrong)
            .finish()
            .unwrap_err();
        assert_eq!(error, EncodeError::MtiVersion { mti: wrong });
    }
}

#[test]
fn a_code_over_the_bytes_as_sent_covers_all_before_it() {
    let dialect = builtin("iso93-ascii");
    let mti = Mti::FINANCIAL_REQUEST.in_version(MtiVersion::V1993);
    for numbers in [&[64][..], &[128], &[64, 128]] {
        let mut frame = Vec::new();
        let mut encoder = Encoder::new(dialect, &mut frame, &Prefix::None, mti);
        encoder.number(11, 7);
        for number in numbers {
            encoder.bytes(*number, [0; 8]);
        }
        encoder.finish().unwrap();
        drop(encoder);
        let message = Message::decode(dialect, &frame[2..]).unwrap();
        assert_eq!(message.mac_input().unwrap().len(), frame.len() - 2 - 8);
    }
}
