//! Dialects: one table each, plus the few traits of a frame in which they differ.

use std::fmt;

use crate::bitmap::FIELD_NUMBER_MAX;
use crate::spec::FieldSpec;

mod cups;
mod pos;

/// How the length of a frame is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameLength {
    /// Two bytes, most significant first.
    BigEndian2,
    /// Four ASCII digits, and `0000` is a probe of an idle line.
    AsciiDigits4,
}

/// What stands between the frame length and the message type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrefixKind {
    /// TPDU of 5 bytes and a header of 6.
    TpduAndHeader,
    /// Header of 46 bytes that names its own length and that of the message.
    CupsHeader,
}

/// How the message type and lengths in front of values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numerals {
    /// Two digits in a byte.
    Packed,
    /// ASCII digits.
    Ascii,
}

/// Most rows of a table, and so most data elements of a message.
pub(crate) const FIELDS_MAX: usize = 64;

pub(crate) type FieldTable = [Option<FieldSpec>; FIELD_NUMBER_MAX + 1];

/// One way of writing ISO 8583, as a table. Told apart by name.
pub struct Dialect {
    pub(crate) name: &'static str,
    pub(crate) frame_length: FrameLength,
    pub(crate) frame_size_max: usize,
    pub(crate) prefix: PrefixKind,
    pub(crate) numerals: Numerals,
    /// Highest data element number, 64 or 128.
    pub(crate) field_number_max: u8,
    pub(crate) fields: FieldTable,
}

impl Dialect {
    /// The dialect of point-of-sale terminals: packed digits, 64 data elements.
    #[must_use]
    pub fn pos() -> &'static Self {
        &pos::DIALECT
    }

    /// The dialect between institutions: ASCII, 128 data elements.
    #[must_use]
    pub fn cups() -> &'static Self {
        &cups::DIALECT
    }

    /// The dialect of that name in a configuration, `pos` or `cups`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        [Self::pos(), Self::cups()]
            .into_iter()
            .find(|dialect| dialect.name == name)
    }

    /// `pos` or `cups`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Most bytes of one frame, its length prefix not counted.
    #[must_use]
    pub fn frame_size_max(&self) -> usize {
        self.frame_size_max
    }

    /// The table's row for a data element; `None` when the dialect does not have it.
    #[must_use]
    pub fn field(&'static self, number: u8) -> Option<&'static FieldSpec> {
        self.fields.get(usize::from(number))?.as_ref()
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Dialect({})", self.name)
    }
}

impl PartialEq for Dialect {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Dialect {}

/// Spreads the rows of a table by their numbers.
#[expect(
    clippy::indexing_slicing,
    reason = "runs at compile time, where a bad index is an error"
)]
const fn table(rows: &[(u8, FieldSpec)]) -> FieldTable {
    assert!(
        rows.len() <= FIELDS_MAX,
        "a message has room for this many data elements"
    );
    let mut fields = [None; FIELD_NUMBER_MAX + 1];
    let mut index = 0;
    let mut number_before = 1;
    while index < rows.len() {
        let (number, spec) = rows[index];
        assert!(
            number > number_before,
            "rows are in ascending order and start at 2"
        );
        fields[number as usize] = Some(spec);
        number_before = number;
        index += 1;
    }
    fields
}
