//! What a dialect's table says of one data element.

use crate::numerals::Numerals;

/// How the length of a value is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthKind {
    /// Not at all: each value has the maximum length.
    Fixed,
    /// By two digits in front.
    Ll,
    /// By three digits in front.
    Lll,
}

/// How the characters of a value are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Digits, two in a byte; an odd one is followed by a pad nibble 0.
    PackedLeft,
    /// Digits, two in a byte; an odd one is preceded by a pad nibble 0.
    PackedRight,
    /// As `PackedLeft`, and nibble D is the separator `=`.
    PackedTrack,
    /// Digits, one in a byte.
    Digits,
    /// Digits and the separators `=` or `D`, one in a byte.
    Track,
    /// `C` or `D`, then digits, one in a byte.
    SignedDigits,
    /// Characters. ASCII or GBK bytes are taken as they are; of EBCDIC the printable ASCII ones.
    Text,
    /// Bytes.
    Binary,
    /// Bytes, each written as two characters of upper-case hex.
    Hex,
}

/// How callers see a value, whatever its bytes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// [`crate::Message::digits`] reads it, [`crate::Encoder::digits`] writes it.
    Numeric,
    /// [`crate::Message::text`] reads it, [`crate::Encoder::text`] writes it.
    Text,
    /// [`crate::Message::bytes`] reads it, [`crate::Encoder::bytes`] writes it.
    Binary,
}

impl Encoding {
    /// How callers see such a value.
    #[must_use]
    pub fn kind(self) -> ValueKind {
        match self {
            Self::PackedLeft
            | Self::PackedRight
            | Self::PackedTrack
            | Self::Digits
            | Self::Track => ValueKind::Numeric,
            Self::SignedDigits | Self::Text => ValueKind::Text,
            Self::Binary | Self::Hex => ValueKind::Binary,
        }
    }

    /// Whether it is written in characters, which another code page writes in other bytes.
    pub(crate) fn is_in_characters(self) -> bool {
        match self {
            Self::Digits | Self::Track | Self::SignedDigits | Self::Text | Self::Hex => true,
            Self::PackedLeft | Self::PackedRight | Self::PackedTrack | Self::Binary => false,
        }
    }
}

/// What must not be shown of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// Nothing needs hiding.
    Open,
    /// A card number: the first six and last four digits may be seen.
    CardNumber,
    /// Track data: of its card number the same, of the rest nothing.
    Track,
    /// PIN, key or identity papers: nothing may be seen.
    Secret,
    /// Chip data, hidden when it holds a card number or a track.
    ChipData,
    /// Private use: whatever looks like a card number in it is hidden.
    FreeForm,
}

/// One row of a dialect's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSpec {
    pub(crate) length: LengthKind,
    pub(crate) length_max: u16,
    pub(crate) encoding: Encoding,
    pub(crate) sensitivity: Sensitivity,
    /// Of the whole dialect: a row alone tells the bytes of its values.
    pub(crate) numerals: Numerals,
    pub(crate) name: Box<str>,
}

impl FieldSpec {
    /// How the length of a value is given.
    #[must_use]
    pub fn length(&self) -> LengthKind {
        self.length
    }

    /// Most digits (of packed values) or bytes (of others); the exact count of a fixed one.
    #[must_use]
    pub fn length_max(&self) -> usize {
        usize::from(self.length_max)
    }

    /// How the characters are written.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// What must not be shown.
    #[must_use]
    pub fn sensitivity(&self) -> Sensitivity {
        self.sensitivity
    }

    /// Name in the trade.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes that a value of this many digits or bytes takes, without the length in front.
    pub(crate) fn content_size(&self, length: usize) -> usize {
        match self.encoding {
            Encoding::PackedLeft | Encoding::PackedRight | Encoding::PackedTrack => {
                length.div_ceil(2)
            }
            Encoding::Digits
            | Encoding::Track
            | Encoding::SignedDigits
            | Encoding::Text
            | Encoding::Binary => length,
            Encoding::Hex => 2 * length,
        }
    }

    /// Digits or bytes of a value: by the length in front where its bytes do not tell.
    pub(crate) fn length_of(&self, length_digits: &[u8], content_size: usize) -> Option<usize> {
        match (self.encoding, self.length) {
            (
                Encoding::PackedLeft | Encoding::PackedRight | Encoding::PackedTrack,
                LengthKind::Fixed,
            ) => Some(self.length_max()),
            (
                Encoding::PackedLeft | Encoding::PackedRight | Encoding::PackedTrack,
                LengthKind::Ll | LengthKind::Lll,
            ) => self.numerals.read_length(length_digits),
            (Encoding::Hex, LengthKind::Fixed | LengthKind::Ll | LengthKind::Lll) => {
                Some(content_size / 2)
            }
            (
                Encoding::Digits
                | Encoding::Track
                | Encoding::SignedDigits
                | Encoding::Text
                | Encoding::Binary,
                LengthKind::Fixed | LengthKind::Ll | LengthKind::Lll,
            ) => Some(content_size),
        }
    }

    /// Bytes of the length in front of a value.
    pub(crate) fn length_size(&self) -> usize {
        self.numerals.length_size(self.length)
    }

    /// Whether a value of this row reads the same on the wire as one of the other.
    pub(crate) fn has_wire_form_of(&self, other: &Self) -> bool {
        let is_same_row = self.length == other.length
            && self.length_max == other.length_max
            && self.encoding == other.encoding;
        let is_same_length_form = match self.length {
            LengthKind::Fixed => true,
            LengthKind::Ll | LengthKind::Lll => self.numerals == other.numerals,
        };
        let is_same_page = !self.encoding.is_in_characters()
            || self.numerals.code_page() == other.numerals.code_page();
        is_same_row && is_same_length_form && is_same_page
    }
}
