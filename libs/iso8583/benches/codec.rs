//! Cost of decoding and encoding one purchase request of a terminal, and the same purchase in
//! ISO 8583:1987 as ASCII and as EBCDIC.
//!
//! Goals on one core for the terminal's: decode at most 0.3 us, encode at most 0.6 us.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

use iso8583::{Dialect, Encoder, Message, Mti, Prefix};

/// Golden vector `pos-05-purchase-req`: 15 data elements, PIN block, track 2 and MAC among them.
const PURCHASE: &str = "007B60000300006031003110010200702004C020C098111662999901000012380000000000\
    00012345000003021000063462999901000012\
    38D27052201234500000373030303030303138393839393939353431313030303131353681B2EBAD0342D44C\
    26000000000000000013220000010002003946374342423546";

fn purchase_frame() -> Vec<u8> {
    let digits: Vec<u8> = PURCHASE
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    digits
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[high, low]| high << 4 | low)
        .collect()
}

const PREFIX: Prefix = Prefix::Pos {
    tpdu: [0x60, 0x00, 0x03, 0x00, 0x00],
    header: [0x60, 0x31, 0x00, 0x31, 0x10, 0x01],
};

fn encode_purchase(buffer: &mut Vec<u8>) {
    let mut encoder = Encoder::new(Dialect::pos(), buffer, &PREFIX, Mti::FINANCIAL_REQUEST);
    let written = encoder
        .digits(2, black_box("6299990100001238"))
        .digits(3, "000000")
        .number(4, black_box(12_345))
        .number(11, black_box(3))
        .digits(22, "021")
        .digits(25, "00")
        .digits(26, "06")
        .digits(35, black_box("6299990100001238=27052201234500000"))
        .text(41, "70000001")
        .text(42, "898999954110001")
        .text(49, "156")
        .bytes(52, [0x81, 0xB2, 0xEB, 0xAD, 0x03, 0x42, 0xD4, 0x4C])
        .digits(53, "2600000000000000")
        .digits(60, "2200000100020")
        .bytes(64, b"9F7CBB5F")
        .finish();
    written.expect("the purchase can be written");
}

/// The same data elements; 60 is text here, and 64 a code over the bytes as sent.
fn encode_generic_purchase(dialect: &'static Dialect, buffer: &mut Vec<u8>) {
    let mut encoder = Encoder::new(dialect, buffer, &Prefix::None, Mti::FINANCIAL_REQUEST);
    let written = encoder
        .digits(2, black_box("6299990100001238"))
        .digits(3, "000000")
        .number(4, black_box(12_345))
        .number(11, black_box(3))
        .digits(22, "021")
        .digits(25, "00")
        .digits(26, "06")
        .digits(35, black_box("6299990100001238=27052201234500000"))
        .text(41, "70000001")
        .text(42, "898999954110001")
        .text(49, "156")
        .bytes(52, [0x81, 0xB2, 0xEB, 0xAD, 0x03, 0x42, 0xD4, 0x4C])
        .digits(53, "2600000000000000")
        .text(60, "2200000100020")
        .bytes(64, b"9F7CBB5F")
        .finish();
    written.expect("the purchase can be written");
}

fn generic_benches(criterion: &mut Criterion) {
    for name in ["iso87-ascii", "iso87-ascii-hex", "iso87-ebcdic"] {
        let dialect = Dialect::builtin(name).expect("it is built in");
        let mut buffer = Vec::with_capacity(4_096);
        encode_generic_purchase(dialect, &mut buffer);
        let body = buffer.get(2..).unwrap_or_default().to_vec();
        criterion.bench_function(&format!("decode purchase, {name}"), |bencher| {
            bencher
                .iter(|| Message::decode(dialect, black_box(&body)).map(|message| message.mti()));
        });
        criterion.bench_function(&format!("encode purchase, {name}"), |bencher| {
            bencher.iter(|| {
                buffer.clear();
                encode_generic_purchase(dialect, &mut buffer);
            });
        });
    }
}

fn benches(criterion: &mut Criterion) {
    let pos = Dialect::pos();
    let frame = purchase_frame();
    let body = frame.get(2..).unwrap_or_default();
    let mut buffer = Vec::with_capacity(4_096);
    encode_purchase(&mut buffer);
    assert_eq!(buffer, frame, "the bench writes the golden frame");

    criterion.bench_function("decode purchase", |bencher| {
        bencher.iter(|| Message::decode(pos, black_box(body)).map(|message| message.mti()));
    });
    criterion.bench_function("encode purchase", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            encode_purchase(&mut buffer);
        });
    });
    let message = Message::decode(pos, body).expect("the purchase can be read");
    criterion.bench_function("read the fields of a purchase", |bencher| {
        bencher.iter(|| {
            let message = black_box(&message);
            (
                message.digits(2),
                message.number(4),
                message.number(11),
                message.digits(60),
            )
        });
    });
    criterion.bench_function("echo an answer", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            let answer = Encoder::answer(black_box(&message), &mut buffer);
            let mut answer = answer.expect("a request has an answer");
            for number in [2, 3, 4, 11, 25] {
                answer.echo(number, &message);
            }
            answer
                .text(37, "051119300501")
                .text(38, "A12345")
                .text(39, "00");
            for number in [41, 42, 49, 60] {
                answer.echo(number, &message);
            }
            answer.finish()
        });
    });
}

criterion_group!(codec, benches, generic_benches);
criterion_main!(codec);
