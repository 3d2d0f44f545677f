//! Reads the golden vectors and re-encodes messages, for the test programs beside it.

use serde_json::Value;

use iso8583::{Dialect, EncodeError, Encoder, Message};

/// A file of vectors by the name of its dialect, or `negative`.
pub(crate) fn vectors(name: &str) -> Vec<Value> {
    let text = match name {
        "pos" => include_str!("../vectors/iso8583_pos.json"),
        "cups" => include_str!("../vectors/iso8583_cups.json"),
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
    Dialect::by_name(string(vector, "dialect")).expect("a dialect of ours")
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
