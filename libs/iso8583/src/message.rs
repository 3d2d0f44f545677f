//! A decoded message, as a view of the frame it came in.

use std::fmt;

use crate::bitmap::{Bitmap, BitmapWidth, FIELD_NUMBER_MAX, ThirdMap};
use crate::decode::{self, DecodeError};
use crate::dialect::{Dialect, PrefixKind, Speaks};
use crate::digits::Digits;
use crate::field::Field;
use crate::mti::Mti;
use crate::prefix::Prefix;
use crate::spec::Encoding;

/// Most data elements of a message: each number there is.
pub(crate) const ENDS_MAX: usize = FIELD_NUMBER_MAX;

/// A message whose every data element has the form that its dialect's table says.
///
/// Borrows from the frame. Allocates only in a dialect whose characters are not ASCII, and for
/// values in hex: those it keeps in readable form. `Debug` prints no content.
#[derive(Clone)]
pub struct Message<'a> {
    pub(crate) dialect: &'static Dialect,
    pub(crate) body: &'a [u8],
    /// The body again, its characters as ASCII and its hex as bytes; empty where no value needs it.
    pub(crate) readable: Vec<u8>,
    pub(crate) mti: Mti,
    pub(crate) bitmap: Bitmap,
    pub(crate) bitmap_width: BitmapWidth,
    /// Where the first data element starts in the body.
    pub(crate) fields_start: u16,
    /// Where each data element ends in the body, one for each bit of the bitmap, in its order.
    pub(crate) ends: [u16; ENDS_MAX],
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

    /// With how many bitmaps it came.
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

    /// The TPDU, where the dialect has one.
    #[must_use]
    pub fn tpdu(&self) -> Option<&'a [u8]> {
        match self.dialect.prefix {
            PrefixKind::Tpdu | PrefixKind::TpduAndHeader => {
                self.prefix_bytes().get(..crate::TPDU_SIZE)
            }
            PrefixKind::None | PrefixKind::CupsHeader => None,
        }
    }

    /// The header: 6 bytes of the terminal dialect, 46 between institutions, none of others.
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
    pub fn field(&self, number: u8) -> Option<Field<'_>> {
        let (start, end) = self.span(number)?;
        let spec = self.dialect.field(number)?;
        let wire = self.body.get(start..end)?;
        let (length_digits, content) = wire.split_at_checked(spec.length_size())?;
        let length = spec.length_of(length_digits, content.len())?;
        let content = if self.readable.is_empty() {
            content
        } else {
            let readable = self.readable.get(start + length_digits.len()..end)?;
            match spec.encoding {
                Encoding::Hex => readable.get(..length)?,
                Encoding::PackedLeft
                | Encoding::PackedRight
                | Encoding::PackedTrack
                | Encoding::Digits
                | Encoding::Track
                | Encoding::SignedDigits
                | Encoding::Text
                | Encoding::Binary => readable,
            }
        };
        Some(Field {
            number,
            spec,
            wire,
            content,
            length,
        })
    }

    /// All data elements, ascending.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
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
    pub fn text(&self, number: u8) -> Option<&[u8]> {
        self.field(number)?.text()
    }

    /// [`Field::bytes`] of a data element, if it is there.
    #[must_use]
    pub fn bytes(&self, number: u8) -> Option<&[u8]> {
        self.field(number)?.bytes()
    }

    /// What the message authentication code is computed over where that is the message as sent:
    /// the bytes from the message type to the data element before the code's.
    ///
    /// `None` without data element 64, or 128 of those dialects that have it, and in the dialect
    /// between institutions, where the code is computed over a text made of some data elements.
    #[must_use]
    pub fn mac_input(&self) -> Option<&'a [u8]> {
        let (start, _) = match self.dialect.speaks {
            Speaks::Cups => return None,
            Speaks::Pos => self.span(64)?,
            Speaks::Iso87 | Speaks::Iso93 => self.span(128).or_else(|| self.span(64))?,
        };
        self.body.get(self.dialect.prefix.size()..start)
    }

    /// First byte of a data element in the body, and the one after its last.
    fn span(&self, number: u8) -> Option<(usize, usize)> {
        let rank = self.bitmap.rank(number)?;
        let end = *self.ends.get(rank)?;
        let start = match rank.checked_sub(1) {
            None => self.fields_start,
            Some(before) => *self.ends.get(before)?,
        };
        Some((
            usize::from(start) + self.third_map_before(number, rank),
            usize::from(end),
        ))
    }

    /// Bytes of the third bitmap, where it stands in front of this data element.
    fn third_map_before(&self, number: u8, rank: usize) -> usize {
        let bitmap = self.dialect.bitmap;
        let stands_among_fields =
            self.bitmap_width == BitmapWidth::WithTertiary && bitmap.third == ThirdMap::AsElement65;
        if !stands_among_fields || number <= 64 {
            return 0;
        }
        let [primary, ..] = self.bitmap.maps();
        let is_next = usize::try_from(primary.count_ones()) == Ok(rank);
        if is_next { bitmap.form.map_size() } else { 0 }
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
