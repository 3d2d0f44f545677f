//! Dialects: one table each, plus the few traits of a frame in which they differ.
//!
//! A table is read from a text file (`words.rs` has the words, `file.rs` the lines); those in
//! `dialects/` are built in (`builtin.rs`). What a file must have for the switch to answer in it
//! is in `needs.rs`.

use std::fmt;

use crate::bitmap::{BitmapSpec, BitmapWidth, FIELD_NUMBER_MAX};
use crate::mti::MtiVersion;
use crate::numerals::Numerals;
use crate::spec::FieldSpec;

mod builtin;
mod error;
mod file;
mod needs;
mod words;
mod write;

pub use error::{DialectError, DialectProblem};

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
    /// Nothing.
    None,
    /// TPDU of 5 bytes.
    Tpdu,
    /// TPDU of 5 bytes and a header of 6.
    TpduAndHeader,
    /// Header of 46 bytes that names its own length and that of the message.
    CupsHeader,
}

/// Whose language a dialect is: what its data elements mean, whatever their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaks {
    /// Of point-of-sale terminals: data elements 60 and 61 tell the business and the original.
    Pos,
    /// Between institutions: processing and condition code tell the business, 90 the original.
    Cups,
    /// ISO 8583:1987: as between institutions.
    Iso87,
    /// ISO 8583:1993: message types start with 1, function code in 24, the original in 56.
    Iso93,
}

pub(crate) type FieldTable = [Option<FieldSpec>; FIELD_NUMBER_MAX + 1];

/// One way of writing ISO 8583, as a table. Equal when all of it is.
///
/// Messages and encoders borrow it for good: a dialect that is read from a file is kept for the
/// rest of the process by [`Dialect::keep`].
#[derive(Clone, PartialEq, Eq)]
pub struct Dialect {
    pub(crate) name: Box<str>,
    pub(crate) speaks: Speaks,
    pub(crate) frame_length: FrameLength,
    pub(crate) frame_size_max: usize,
    pub(crate) prefix: PrefixKind,
    pub(crate) numerals: Numerals,
    pub(crate) bitmap: BitmapSpec,
    pub(crate) fields: Box<FieldTable>,
}

impl Dialect {
    /// The dialect of point-of-sale terminals: packed digits, 64 data elements.
    #[must_use]
    pub fn pos() -> &'static Self {
        builtin::pos()
    }

    /// The dialect between institutions: ASCII, 128 data elements.
    #[must_use]
    pub fn cups() -> &'static Self {
        builtin::cups()
    }

    /// The built-in dialect of that name, one of [`Dialect::builtin_names`].
    #[must_use]
    pub fn builtin(name: &str) -> Option<&'static Self> {
        builtin::by_name(name)
    }

    /// Names of the built-in dialects.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        builtin::names()
    }

    /// The file of a built-in dialect, to be copied and changed.
    #[must_use]
    pub fn builtin_file(name: &str) -> Option<&'static str> {
        builtin::file(name)
    }

    /// Reads the text of a dialect file.
    ///
    /// # Errors
    /// [`DialectError`] names the line and says what to write.
    pub fn parse(text: &str) -> Result<Self, DialectError> {
        file::parse(text)
    }

    /// Keeps a dialect for the rest of the process, as messages and encoders need it.
    ///
    /// Its memory, about 10 kB, is never given back: call it once for each file, at start.
    #[must_use]
    pub fn keep(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its data elements mean.
    #[must_use]
    pub fn speaks(&self) -> Speaks {
        self.speaks
    }

    /// The version of the standard that its message types are of.
    #[must_use]
    pub fn mti_version(&self) -> MtiVersion {
        match self.speaks {
            Speaks::Pos | Speaks::Cups | Speaks::Iso87 => MtiVersion::V1987,
            Speaks::Iso93 => MtiVersion::V1993,
        }
    }

    /// Most bytes of one frame, its length prefix not counted.
    #[must_use]
    pub fn frame_size_max(&self) -> usize {
        self.frame_size_max
    }

    /// Whether a TPDU stands before its messages.
    #[must_use]
    pub fn has_tpdu(&self) -> bool {
        match self.prefix {
            PrefixKind::Tpdu | PrefixKind::TpduAndHeader => true,
            PrefixKind::None | PrefixKind::CupsHeader => false,
        }
    }

    /// Bytes of the header before its messages, after the TPDU if there is one; 0 for none.
    #[must_use]
    pub fn header_size(&self) -> usize {
        match self.prefix {
            PrefixKind::None | PrefixKind::Tpdu => 0,
            PrefixKind::TpduAndHeader => crate::POS_HEADER_SIZE,
            PrefixKind::CupsHeader => crate::CUPS_HEADER_SIZE,
        }
    }

    /// The most bitmaps that a message of it can have.
    #[must_use]
    pub fn bitmap_width_max(&self) -> BitmapWidth {
        self.bitmap.width_max
    }

    /// The bitmaps that [`crate::Encoder::new`] gives to a message with this last data element.
    #[must_use]
    pub fn usual_bitmap_width(&self, last_field: u8) -> BitmapWidth {
        BitmapWidth::for_field(last_field)
            .max(self.bitmap.width_min)
            .min(self.bitmap.width_max)
    }

    /// The table's row for a data element; `None` when the dialect does not have it.
    #[must_use]
    pub fn field(&self, number: u8) -> Option<&FieldSpec> {
        self.fields.get(usize::from(number))?.as_ref()
    }

    /// All rows of the table with their numbers, ascending.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &FieldSpec)> {
        (0..=u8::MAX).filter_map(|number| Some((number, self.field(number)?)))
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Dialect({})", self.name)
    }
}
