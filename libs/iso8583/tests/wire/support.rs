//! Reads the golden vectors and re-encodes messages, for the test programs beside it.

use std::sync::LazyLock;

use serde_json::Value;

use iso8583::{
    Dialect, Disclosure, EncodeError, Encoder, Message, OwnedMessage, OwnedPrefix, Speaks,
};

/// A file of vectors by the name of its dialect, or `negative`.
pub(crate) fn vectors(name: &str) -> Vec<Value> {
    let text = match name {
        "pos" => include_str!("../vectors/iso8583_pos.json"),
        "cups" => include_str!("../vectors/iso8583_cups.json"),
        "generic" => include_str!("../vectors/iso8583_generic.json"),
        "negative" => include_str!("../vectors/iso8583_negative.json"),
        other => panic!("no vectors named {other}"),
    };
    let mut file: Value = serde_json::from_str(text).expect("vectors are json");
    let Value::Array(vectors) = file["vectors"].take() else {
        panic!("vectors is not a list")
    };
    vectors
}

/// The bytes of a hex string of a vector.
pub(crate) fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("a hex string");
    let digits: Vec<char> = text.chars().collect();
    digits
        .chunks(2)
        .map(|pair| hex_digit(pair[0]) << 4 | hex_digit(pair[1]))
        .collect()
}

fn hex_digit(digit: char) -> u8 {
    digit
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
        .expect("a hex digit")
}

/// A string of a vector.
pub(crate) fn string<'v>(vector: &'v Value, key: &str) -> &'v str {
    vector[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is not a string in {vector}"))
}

/// Writes a decoded message again from its values, not from its bytes.
pub(crate) fn encode_again(message: &Message<'_>) -> Result<Vec<u8>, EncodeError> {
    let mut frame = Vec::new();
    let mut encoder = Encoder::with_bitmap(
        message.dialect(),
        &mut frame,
        &message.prefix(),
        message.mti(),
        message.bitmap_width(),
    );
    for field in message.fields() {
        let number = field.number();
        match (field.digits(), field.text(), field.bytes()) {
            (_, None, Some(bytes)) => encoder.bytes(number, bytes),
            // The raw text of a track keeps its separator as it came.
            (Some(_), Some(text), None) => encoder.digits(number, text),
            (Some(digits), None, None) => encoder.digits(number, digits),
            (None, Some(text), None) => encoder.text(number, text),
            // Packed digits beyond what is unpacked inline.
            _ => encoder.copy(number, &field),
        };
    }
    encoder.finish()?;
    drop(encoder);
    Ok(frame)
}

/// The dialect of a vector.
pub(crate) fn dialect_of(vector: &Value) -> &'static Dialect {
    Dialect::builtin(string(vector, "dialect")).expect("a dialect of ours")
}

/// Words that no built-in dialect has: what each replaces in a built-in file.
const VARIANTS: [(&str, &[(&str, &str)]); 2] = [
    (
        "iso87-ascii",
        &[
            ("dialect   iso87-ascii", "dialect third-among-elements"),
            ("third in front", "third as element 65"),
            ("prefix    none", "prefix tpdu"),
        ],
    ),
    (
        "iso93-ascii-hex",
        &[
            ("dialect   iso93-ascii-hex", "dialect mainframe"),
            ("third in front", "third as element 65, always 128"),
            ("numerals  ascii", "numerals ebcdic-1047"),
        ],
    ),
];

/// The built-in dialects, and some that use the words which those do not.
pub(crate) fn all_dialects() -> Vec<&'static Dialect> {
    static ALL: LazyLock<Vec<&'static Dialect>> = LazyLock::new(|| {
        let builtin = Dialect::builtin_names().filter_map(Dialect::builtin);
        builtin.chain(VARIANTS.map(variant)).collect()
    });
    ALL.clone()
}

fn variant((name, changes): (&str, &[(&str, &str)])) -> &'static Dialect {
    let mut text = Dialect::builtin_file(name).unwrap().to_owned();
    for (word, instead) in changes {
        assert!(text.contains(word), "{name} has no {word}");
        text = text.replace(word, instead);
    }
    Dialect::parse(&text).unwrap().keep()
}

/// Frames of a dialect: its golden vectors, or the generic ones written in it.
pub(crate) fn golden_frames(dialect: &'static Dialect) -> Vec<Vec<u8>> {
    match dialect.speaks() {
        Speaks::Pos | Speaks::Cups => vectors(dialect.name())
            .iter()
            .map(|vector| unhex(&vector["frame_hex"]))
            .collect(),
        Speaks::Iso87 | Speaks::Iso93 => generic_messages(dialect.speaks())
            .iter()
            .map(|message| frame_in(message, dialect))
            .collect(),
    }
}

/// The messages of the generic vectors, and one that has all three bitmaps.
pub(crate) fn generic_messages(speaks: Speaks) -> Vec<OwnedMessage> {
    let (dialect, version) = match speaks {
        Speaks::Iso93 => ("iso93-ascii-hex", "gen93"),
        Speaks::Pos | Speaks::Cups | Speaks::Iso87 => ("iso87-ascii-hex", "gen87"),
    };
    let dialect = Dialect::builtin(dialect).unwrap();
    let mut messages: Vec<OwnedMessage> = vectors("generic")
        .iter()
        .filter(|vector| string(vector, "name").starts_with(version))
        .map(|vector| {
            let body = unhex(&vector["message_hex"]);
            let message = Message::decode(dialect, &body).unwrap();
            OwnedMessage::of(&message, Disclosure::Revealed)
        })
        .collect();
    let mut longest = messages[0].clone();
    longest.fields.extend(
        [
            (52, "81B2EBAD0342D44C"),
            (64, "0000000000000001"),
            (96, "0102030405060708"),
            (102, "6299990100001238"),
            (130, "private~130"),
            (191, ""),
            (192, "FFFFFFFFFFFFFFFF"),
        ]
        .map(|(number, value)| (number, value.to_owned())),
    );
    messages.push(longest);
    messages
}

/// Writes a message in a dialect, whatever stood before it.
pub(crate) fn frame_in(message: &OwnedMessage, dialect: &'static Dialect) -> Vec<u8> {
    let prefix = if dialect.name() == "third-among-elements" {
        let tpdu = "6000030000".to_owned();
        OwnedPrefix::Tpdu { tpdu }
    } else {
        OwnedPrefix::None
    };
    let message = OwnedMessage {
        prefix,
        ..message.clone()
    };
    let mut frame = Vec::new();
    message.encode(dialect, &mut frame).unwrap();
    frame
}

/// The inputs that the fuzz targets start from, and those that once broke something.
pub(crate) fn corpus() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut inputs = Vec::new();
    for target in std::fs::read_dir(folder).expect("the corpus is there") {
        let target = target.expect("a folder of the corpus").path();
        for input in std::fs::read_dir(target).expect("a folder of the corpus") {
            let path = input.expect("an input of the corpus").path();
            inputs.push(std::fs::read(path).expect("an input of the corpus"));
        }
    }
    inputs
}
