//! Mistakes in writing a message: each is reported by name, and leaves the buffer as before.

use crate::support::{unhex, vectors};
use iso8583::{Dialect, EncodeError, Encoder, Message, Mti, Prefix};

const POS_PREFIX: Prefix = Prefix::Pos {
    tpdu: [0x60, 0, 3, 0, 0],
    header: [0x60, 0x31, 0, 0x31, 0x10, 1],
};

type Write = for<'e, 'b> fn(&'e mut Encoder<'b>) -> &'e mut Encoder<'b>;

const MISTAKES: &[(Write, &str)] = &[
    (
        |e| e.digits(7, "0511193001"),
        "de7: the dialect has no such data element",
    ),
    (
        |e| e.digits(70, "301"),
        "de70: the dialect has no such data element",
    ),
    (
        |e| e.digits(2, "6299990100001238").digits(2, "1"),
        "de2 comes after de2, write data elements in ascending order",
    ),
    (
        |e| e.number(4, 100).digits(3, "000000"),
        "de3 comes after de4, write data elements in ascending order",
    ),
    (
        |e| e.digits(3, "00000"),
        "de3: length 5 does not fit the table's 6",
    ),
    (
        |e| e.digits(2, "62999901000012381238"),
        "de2: length 20 does not fit the table's 19",
    ),
    (
        |e| e.digits(2, "629999*"),
        "de2: character 6 is not a digit",
    ),
    (
        |e| e.digits(2, "6299=27"),
        "de2: character 4 is not a digit",
    ),
    (
        |e| e.number(4, 1_000_000_000_000),
        "de4: length 13 does not fit the table's 12",
    ),
    (
        |e| e.number(2, 62),
        "de2 is written as PackedLeft, use the method for that",
    ),
    (
        |e| e.number(41, 1),
        "de41 is written as Text, use the method for that",
    ),
    (
        |e| e.text(2, "62"),
        "de2 is written as PackedLeft, use the method for that",
    ),
    (
        |e| e.text(52, "12345678"),
        "de52 is written as Binary, use the method for that",
    ),
    (
        |e| e.bytes(41, b"70000001"),
        "de41 is written as Text, use the method for that",
    ),
    (
        |e| e.text(41, "7000001"),
        "de41: length 7 does not fit the table's 8",
    ),
];

#[test]
fn mistakes_are_reported_by_data_element() {
    for (write, expected) in MISTAKES {
        let mut buffer = b"the frame before".to_vec();
        let mut encoder = Encoder::new(
            Dialect::pos(),
            &mut buffer,
            &POS_PREFIX,
            Mti::FINANCIAL_REQUEST,
        );
        // What comes after the first mistake changes nothing.
        let error = write(&mut encoder).digits(99, "1").finish().unwrap_err();
        drop(encoder);
        assert_eq!(error.to_string(), *expected);
        assert_eq!(buffer, b"the frame before");
    }
}

#[test]
fn an_unfinished_frame_is_taken_back() {
    let mut buffer = b"the frame before".to_vec();
    let mut encoder = Encoder::new(
        Dialect::pos(),
        &mut buffer,
        &POS_PREFIX,
        Mti::FINANCIAL_REQUEST,
    );
    encoder.digits(2, "6299990100001238");
    drop(encoder);
    assert_eq!(buffer, b"the frame before");
}

#[test]
fn a_copy_keeps_to_its_form() {
    let frame = unhex(&vectors("cups")[0]["frame_hex"]);
    let message = Message::decode(Dialect::cups(), &frame[4..]).unwrap();
    let number = message.field(2).unwrap();
    let mut buffer = Vec::new();
    let mut encoder = Encoder::new(
        Dialect::pos(),
        &mut buffer,
        &POS_PREFIX,
        Mti::FINANCIAL_REQUEST,
    );
    let error = encoder.copy(2, &number).finish().unwrap_err();
    drop(encoder);
    assert_eq!(
        error.to_string(),
        "de2 has another form in the dialect it is copied from"
    );
    // So has text with its length in front: two ASCII digits there, one packed byte here.
    let mut response = Vec::new();
    Encoder::new(
        Dialect::cups(),
        &mut response,
        &message.prefix(),
        Mti::FINANCIAL_RESPONSE,
    )
    .text(44, "69990001   69980290   ")
    .finish()
    .unwrap();
    let response = Message::decode(Dialect::cups(), &response[4..]).unwrap();
    let mut encoder = Encoder::new(
        Dialect::pos(),
        &mut buffer,
        &POS_PREFIX,
        Mti::FINANCIAL_RESPONSE,
    );
    let error = encoder.echo(44, &response).finish().unwrap_err();
    drop(encoder);
    assert_eq!(error, EncodeError::OtherForm { number: 44 });
    // Text of fixed length is the same in both dialects.
    let terminal = message.field(41).unwrap();
    let mut encoder = Encoder::new(
        Dialect::pos(),
        &mut buffer,
        &POS_PREFIX,
        Mti::FINANCIAL_REQUEST,
    );
    encoder
        .echo(5, &message)
        .copy(41, &terminal)
        .finish()
        .unwrap();
    drop(encoder);
    assert_eq!(
        Message::decode(Dialect::pos(), &buffer[2..])
            .unwrap()
            .text(41),
        Some(&b"70000001"[..])
    );
}

#[test]
fn a_prefix_of_the_other_dialect_is_refused() {
    let mut buffer = Vec::new();
    let mut encoder = Encoder::new(
        Dialect::cups(),
        &mut buffer,
        &POS_PREFIX,
        Mti::FINANCIAL_REQUEST,
    );
    assert_eq!(encoder.finish(), Err(EncodeError::Prefix));
    drop(encoder);
    assert!(buffer.is_empty());
}

#[test]
fn an_answer_has_no_answer() {
    let frame = unhex(&vectors("pos")[5]["frame_hex"]);
    let message = Message::decode(Dialect::pos(), &frame[2..]).unwrap();
    let error = Encoder::answer(&message, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "0210 is an answer, it has none itself");
}

#[test]
fn debug_shows_no_content() {
    let frame = unhex(&vectors("pos")[4]["frame_hex"]);
    let message = Message::decode(Dialect::pos(), &frame[2..]).unwrap();
    assert_eq!(
        format!("{message:?}"),
        "Message(pos 0200, data elements 2 3 4 11 22 25 26 35 41 42 49 52 53 60 64)"
    );
    assert_eq!(
        format!("{:?}", message.field(2)),
        "Some(Field(de2, length 16))"
    );
    assert_eq!(
        format!("{:?}", message.digits(2)),
        "Some(Digits(16 hidden))"
    );
    let mut buffer = Vec::new();
    let encoder = Encoder::answer(&message, &mut buffer).unwrap();
    assert_eq!(format!("{encoder:?}"), "Encoder(pos, up to de1)");
}

#[test]
fn digits_of_any_length_read_in_every_form() {
    let line = "48   LLL    322  packed ";
    let text = Dialect::builtin_file("pos").unwrap();
    assert!(text.contains(line));
    for form in ["packed", "packed-right", "digits"] {
        let text = text.replace(line, &format!("48   LLL    322  {form} "));
        let dialect = Dialect::parse(&text).unwrap().keep();
        for length in [0, 1, 104, 105, 321, 322] {
            let digits: Vec<u8> = (b'0'..=b'9').rev().cycle().take(length).collect();
            let mut frame = Vec::new();
            Encoder::new(dialect, &mut frame, &POS_PREFIX, Mti::FINANCIAL_REQUEST)
                .digits(48, &digits)
                .finish()
                .unwrap();
            let message = Message::decode(dialect, &frame[2..]).unwrap();
            let found = message.field(48).unwrap().long_digits();
            assert_eq!(found.as_deref(), Some(digits.as_slice()), "{form} {length}");
        }
    }
}
