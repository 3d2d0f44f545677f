//! What is accepted encodes to the same bytes. The first byte chooses the built-in dialect, the
//! rest is a body; the total length in the header between institutions is set, so that it is no
//! hurdle.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

use iso8583::{Dialect, Disclosure, Encoder, Message, OwnedMessage, Speaks};

static DIALECTS: LazyLock<Vec<&'static Dialect>> = LazyLock::new(|| {
    Dialect::builtin_names()
        .filter_map(Dialect::builtin)
        .chain([third_among_elements()])
        .collect()
});

/// The one form of bitmaps that no built-in dialect has.
fn third_among_elements() -> &'static Dialect {
    let file = Dialect::builtin_file("iso87-ebcdic").expect("it is built in");
    let file = file.replace("third in front", "third as element 65");
    Dialect::parse(&file).expect("it has a right form").keep()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else {
        return;
    };
    let mut body = body.to_vec();
    let dialect = DIALECTS[usize::from(*choice) % DIALECTS.len()];
    let is_cups = dialect.speaks() == Speaks::Cups;
    let length_size = if is_cups { 4 } else { 2 };
    let total_length = format!("{:04}", body.len() % 10_000);
    if is_cups && body.len() >= 6 {
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
    let masked = OwnedMessage::of(&message, Disclosure::Masked);
    assert_eq!(masked.fields.len(), owned.fields.len());
});
