//! A decoded message, as a view of the frame it came in.

use std::fmt;

use crate::bitmap::{Bitmap, BitmapWidth};
use crate::decode::{self, DecodeError};
use crate::dialect::{Dialect, FIELDS_MAX, PrefixKind};
use crate::digits::Digits;
use crate::field::Field;
use crate::mti::Mti;
use crate::prefix::Prefix;

/// Where a data element is in the body.
#[derive(Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) start: u16,
    pub(crate) end: u16,
    /// In digits of packed values, in bytes of others.
    pub(crate) length: u16,
}

/// A message whose every data element has the form that its dialect's table says.
///
/// Borrows from the frame and allocates nothing. `Debug` prints no content.
#[derive(Clone)]
pub struct Message<'a> {
    pub(crate) dialect: &'static Dialect,
    pub(crate) body: &'a [u8],
    pub(crate) mti: Mti,
    pub(crate) bitmap: Bitmap,
    pub(crate) bitmap_width: BitmapWidth,
    /// One for each bit of the bitmap, in its order.
    pub(crate) spans: [Span; FIELDS_MAX],
}

impl<'a> Message<'a> {
    /// Reads the body of a frame: prefix, message type, bitmap, data elements, and nothing more.
    ///
    /// # Errors
    /// [`DecodeError`] names the data element and the byte at which the body has not the form of
    /// the dialect.
    pub fn decode(dialect: &'static Dialect, body: &'a [u8]) -> Result<Self, DecodeError> {
        decode::decode(dialect, body)
    }

    /// The dialect it was read by.
    #[must_use]
    pub fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// The message type.
    #[must_use]
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// Whether it came with a second bitmap.
    #[must_use]
    pub fn bitmap_width(&self) -> BitmapWidth {
        self.bitmap_width
    }

    /// A copy of what stood before the message type.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        // Decoding found all of it.
        Prefix::parse(self.dialect, self.prefix_bytes()).expect("the prefix was checked")
    }

    /// The TPDU of the terminal dialect.
    #[must_use]
    pub fn tpdu(&self) -> Option<&'a [u8]> {
        match self.dialect.prefix {
            PrefixKind::TpduAndHeader => self.prefix_bytes().get(..crate::TPDU_SIZE),
            PrefixKind::CupsHeader => None,
        }
    }

    /// The header: 6 bytes of the terminal dialect, 46 between institutions.
    #[must_use]
    pub fn header(&self) -> &'a [u8] {
        let tpdu_size = self.tpdu().map_or(0, <[u8]>::len);
        self.prefix_bytes().get(tpdu_size..).unwrap_or_default()
    }

    /// Whether it has a data element.
    #[must_use]
    pub fn has(&self, number: u8) -> bool {
        self.bitmap.has(number)
    }

    /// A data element, if it is there.
    #[must_use]
    pub fn field(&self, number: u8) -> Option<Field<'a>> {
        let span = self.span(number)?;
        let spec = self.dialect.field(number)?;
        let wire = self
            .body
            .get(usize::from(span.start)..usize::from(span.end))?;
        let content = wire.get(self.dialect.numerals.length_size(spec.length)..)?;
        Some(Field {
            number,
            spec,
            wire,
            content,
            length: usize::from(span.length),
        })
    }

    /// All data elements, ascending.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        self.bitmap
            .numbers()
            .filter_map(|number| self.field(number))
    }

    /// [`Field::digits`] of a data element, if it is there.
    #[must_use]
    pub fn digits(&self, number: u8) -> Option<Digits> {
        self.field(number)?.digits()
    }

    /// The number that a numeric data element writes, if it is there.
    #[must_use]
    pub fn number(&self, number: u8) -> Option<u64> {
        self.digits(number)?.as_u64()
    }

    /// [`Field::text`] of a data element, if it is there.
    #[must_use]
    pub fn text(&self, number: u8) -> Option<&'a [u8]> {
        self.field(number)?.text()
    }

    /// [`Field::bytes`] of a data element, if it is there.
    #[must_use]
    pub fn bytes(&self, number: u8) -> Option<&'a [u8]> {
        self.field(number)?.bytes()
    }

    /// What the message authentication code of the terminal dialect is computed over: the bytes
    /// as sent from the message type to data element 63.
    ///
    /// `None` without data element 64, and in the dialect between institutions, where the code is
    /// computed over a text made of some data elements.
    #[must_use]
    pub fn mac_input(&self) -> Option<&'a [u8]> {
        match self.dialect.prefix {
            PrefixKind::TpduAndHeader => {
                let iso_part = self.body.get(..usize::from(self.span(64)?.start))?;
                iso_part.get(self.dialect.prefix.size()..)
            }
            PrefixKind::CupsHeader => None,
        }
    }

    fn span(&self, number: u8) -> Option<&Span> {
        self.spans.get(self.bitmap.rank(number)?)
    }

    fn prefix_bytes(&self) -> &'a [u8] {
        self.body
            .get(..self.dialect.prefix.size())
            .unwrap_or_default()
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Message({} {}, data elements",
            self.dialect.name, self.mti
        )?;
        for number in self.bitmap.numbers() {
            write!(formatter, " {number}")?;
        }
        formatter.write_str(")")
    }
}
