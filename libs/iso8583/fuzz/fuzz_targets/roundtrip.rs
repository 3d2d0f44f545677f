//! What is accepted encodes to the same bytes. The first byte chooses the dialect, the rest is
//! a body; the total length in the header between institutions is set, so that it is no hurdle.
#![no_main]

use libfuzzer_sys::fuzz_target;

use iso8583::{Dialect, Disclosure, Encoder, Message, OwnedMessage};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else {
        return;
    };
    let mut body = body.to_vec();
    let dialect = if choice % 2 == 0 {
        Dialect::pos()
    } else {
        Dialect::cups()
    };
    let length_size = if choice % 2 == 0 { 2 } else { 4 };
    let total_length = format!("{:04}", body.len() % 10_000);
    if choice % 2 == 1 && body.len() >= 6 {
        body[2..6].copy_from_slice(total_length.as_bytes());
    }
    let Ok(message) = Message::decode(dialect, &body) else {
        return;
    };

    let mut copied = Vec::new();
    let (prefix, width) = (message.prefix(), message.bitmap_width());
    let mut encoder = Encoder::with_bitmap(dialect, &mut copied, &prefix, message.mti(), width);
    for field in message.fields() {
        encoder.copy(field.number(), &field);
    }
    encoder
        .finish()
        .expect("a copy of a message can be written");
    drop(encoder);
    assert_eq!(copied[length_size..], body);

    let mut written = Vec::new();
    let owned = OwnedMessage::of(&message, Disclosure::Revealed);
    owned
        .encode(dialect, &mut written)
        .expect("a described message can be written");
    assert_eq!(written, copied);
});
