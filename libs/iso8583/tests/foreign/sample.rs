//! Messages to compare: a type and values, golden or random.

use serde_json::Value;

use iso8583::frame::{self, NextFrame};
use iso8583::{
    BitmapWidth, Dialect, Encoder, Encoding, FieldSpec, LengthKind, Message, Mti, Prefix, Speaks,
    ValueKind,
};

/// A message as each codec must see it.
pub(crate) struct Sample {
    mti: Mti,
    /// Number and value: characters as ASCII, or bytes.
    fields: Vec<(u8, Vec<u8>)>,
}

impl Sample {
    pub(crate) fn of(message: &Message<'_>) -> Self {
        let value = |field: iso8583::Field<'_>| {
            let value = match field.spec().encoding() {
                Encoding::PackedLeft | Encoding::PackedRight | Encoding::PackedTrack => {
                    packed_characters(&field)
                }
                Encoding::Digits
                | Encoding::Track
                | Encoding::SignedDigits
                | Encoding::Text
                | Encoding::Binary
                | Encoding::Hex => field.content().to_vec(),
            };
            (field.number(), value)
        };
        Self {
            mti: message.mti(),
            fields: message.fields().map(value).collect(),
        }
    }

    /// `MTI NUMBER=HEX ...`, as the other codecs take and tell it.
    pub(crate) fn line(&self) -> String {
        let fields = self.fields.iter();
        let words = fields.map(|(number, value)| format!(" {number}={}", super::hex(value)));
        format!("{}{}", self.mti, words.collect::<String>())
    }

    /// The body of its frame, with at least so many bitmaps.
    pub(crate) fn encode(&self, dialect: &'static Dialect, width: BitmapWidth) -> Vec<u8> {
        let mut frame = Vec::new();
        let prefix = prefix_of(dialect);
        let mut encoder = Encoder::with_bitmap(dialect, &mut frame, &prefix, self.mti, width);
        for (number, value) in &self.fields {
            match dialect.field(*number).unwrap().encoding().kind() {
                ValueKind::Numeric => encoder.digits(*number, value),
                ValueKind::Text => encoder.text(*number, value),
                ValueKind::Binary => encoder.bytes(*number, value),
            };
        }
        encoder.finish().unwrap();
        drop(encoder);
        body_of(dialect, &frame)
    }
}

/// Digits of a packed value of any length, the separator as `=`.
fn packed_characters(field: &iso8583::Field<'_>) -> Vec<u8> {
    let is_right = field.spec().encoding() == Encoding::PackedRight;
    let skipped = usize::from(is_right && field.length() % 2 == 1);
    let nibbles = field
        .content()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0F]);
    let character = |nibble: u8| if nibble == 0xD { b'=' } else { b'0' + nibble };
    nibbles
        .skip(skipped)
        .take(field.length())
        .map(character)
        .collect()
}

fn body_of(dialect: &Dialect, frame: &[u8]) -> Vec<u8> {
    let Ok(NextFrame::Frame { body, .. }) = frame::next_frame(dialect, frame) else {
        panic!("not a frame");
    };
    frame[body].to_vec()
}

fn prefix_of(dialect: &'static Dialect) -> Prefix {
    match dialect.speaks() {
        Speaks::Pos => Prefix::parse(dialect, b"\x60\0\x03\0\0\x60\x31\0\x31\x10\x01").unwrap(),
        Speaks::Cups => {
            let header = b".\x02000069990001   00010000   \0\0\0\000000000\000000";
            Prefix::parse(dialect, header).unwrap()
        }
        Speaks::Iso87 | Speaks::Iso93 => Prefix::None,
    }
}

/// The golden vectors of a dialect. Those of proprietary networks are given in one form of two
/// dialects; in the others they are the same values.
pub(crate) fn golden_samples(dialect: &'static Dialect) -> Vec<Sample> {
    let (file, start, form) = match dialect.speaks() {
        Speaks::Pos => (include_str!("../vectors/iso8583_pos.json"), "", "pos"),
        Speaks::Cups => (include_str!("../vectors/iso8583_cups.json"), "", "cups"),
        Speaks::Iso87 => (GENERIC, "gen87", "iso87-ascii-hex"),
        Speaks::Iso93 => (GENERIC, "gen93", "iso93-ascii-hex"),
    };
    let form = Dialect::builtin(form).unwrap();
    let mut file: Value = serde_json::from_str(file).unwrap();
    let Value::Array(vectors) = file["vectors"].take() else {
        panic!("vectors is not a list")
    };
    vectors
        .iter()
        .filter(|vector| vector["name"].as_str().unwrap().starts_with(start))
        .map(|vector| {
            let body = match vector["frame_hex"].as_str() {
                Some(frame) => body_of(form, &unhex(frame)),
                None => unhex(vector["message_hex"].as_str().unwrap()),
            };
            Sample::of(&Message::decode(form, &body).unwrap())
        })
        .collect()
}

const GENERIC: &str = include_str!("../vectors/iso8583_generic.json");

fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len())
        .step_by(2)
        .map(|index| &text[index..index + 2]);
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// Messages with a third of a dialect's data elements at most, the same ones in every run.
pub(crate) fn random_samples(
    dialect: &'static Dialect,
    count: usize,
    can: fn(u8, &FieldSpec) -> bool,
) -> Vec<Sample> {
    let mut dice = Dice(0x8583);
    let rows: Vec<(u8, &FieldSpec)> = dialect
        .fields()
        .filter(|(number, spec)| can(*number, spec))
        .collect();
    (0..count)
        .map(|_| {
            let one_in = 3 + dice.below(20);
            // One is always there: jPOS leaves out a bitmap without a bit.
            let mut is_chosen = |number: u8| dice.below(one_in) == 0 || number == 11;
            let chosen = rows.iter().filter(|(number, _)| is_chosen(*number));
            let chosen: Vec<_> = chosen.copied().collect();
            let mti = mti(&mut dice).in_version(dialect.mti_version());
            let fields = chosen
                .into_iter()
                .map(|(number, spec)| (number, value(&mut dice, spec)))
                .collect();
            Sample { mti, fields }
        })
        .collect()
}

fn mti(dice: &mut Dice) -> Mti {
    let classes = b"1234568";
    let class = classes[dice.below(classes.len())];
    let digit = |value: usize| b'0' + u8::try_from(value).unwrap();
    Mti::parse([b'0', class, digit(dice.below(4)), digit(dice.below(6))]).unwrap()
}

fn value(dice: &mut Dice, spec: &FieldSpec) -> Vec<u8> {
    // Long ones are rare, or no message would fit its frame.
    let length = match (spec.length(), dice.below(30)) {
        (LengthKind::Fixed, _) => spec.length_max(),
        (LengthKind::Ll | LengthKind::Lll, 0) => spec.length_max(),
        (LengthKind::Ll | LengthKind::Lll, _) => 1 + dice.below(spec.length_max().min(40)),
    };
    let mut value: Vec<u8> = (0..length)
        .map(|_| character(dice, spec.encoding()))
        .collect();
    match spec.encoding() {
        Encoding::SignedDigits => value[0] = if dice.below(2) == 0 { b'C' } else { b'D' },
        Encoding::Track | Encoding::PackedTrack => value[length / 2] = b'=',
        Encoding::PackedLeft
        | Encoding::PackedRight
        | Encoding::Digits
        | Encoding::Text
        | Encoding::Binary
        | Encoding::Hex => {}
    }
    value
}

/// Of text, what both code pages of EBCDIC have in one place: not `[`, `]` and `^`.
fn character(dice: &mut Dice, encoding: Encoding) -> u8 {
    let byte = |value: usize| u8::try_from(value).unwrap();
    match encoding {
        Encoding::Binary | Encoding::Hex => byte(dice.below(256)),
        Encoding::Text => loop {
            let character = byte(0x20 + dice.below(0x5F));
            if !matches!(character, b'[' | b']' | b'^') {
                return character;
            }
        },
        Encoding::PackedLeft
        | Encoding::PackedRight
        | Encoding::PackedTrack
        | Encoding::Digits
        | Encoding::Track
        | Encoding::SignedDigits => b'0' + byte(dice.below(10)),
    }
}

/// A small generator (SplitMix64): the values need to differ, not to be unguessable.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        let limit = u64::try_from(limit).unwrap();
        usize::try_from((mixed ^ mixed >> 31) % limit).unwrap()
    }
}
