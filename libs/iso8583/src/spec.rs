//! What a dialect's table says of one data element.

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
    /// ASCII or GBK bytes, taken as they are.
    Text,
    /// Bytes.
    Binary,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpec {
    pub(crate) length: LengthKind,
    pub(crate) length_max: u16,
    pub(crate) encoding: Encoding,
    pub(crate) sensitivity: Sensitivity,
    pub(crate) name: &'static str,
}

/// A row without a length in front.
pub(crate) const fn fixed(length: u16, encoding: Encoding, name: &'static str) -> FieldSpec {
    FieldSpec::new(LengthKind::Fixed, length, encoding, name)
}

/// A row with two length digits.
pub(crate) const fn ll(length_max: u16, encoding: Encoding, name: &'static str) -> FieldSpec {
    FieldSpec::new(LengthKind::Ll, length_max, encoding, name)
}

/// A row with three length digits.
pub(crate) const fn lll(length_max: u16, encoding: Encoding, name: &'static str) -> FieldSpec {
    FieldSpec::new(LengthKind::Lll, length_max, encoding, name)
}

impl FieldSpec {
    const fn new(
        length: LengthKind,
        length_max: u16,
        encoding: Encoding,
        name: &'static str,
    ) -> Self {
        Self {
            length,
            length_max,
            encoding,
            sensitivity: Sensitivity::Open,
            name,
        }
    }

    /// The same row with something to hide.
    pub(crate) const fn hides(mut self, sensitivity: Sensitivity) -> Self {
        self.sensitivity = sensitivity;
        self
    }

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
    pub fn name(&self) -> &'static str {
        self.name
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
        }
    }

    /// Whether a value of this row reads the same on the wire as one of the other.
    pub(crate) fn has_wire_form_of(&self, other: &Self) -> bool {
        self.length == other.length
            && self.length_max == other.length_max
            && self.encoding == other.encoding
    }
}
