//! From the body of a frame to a message: every length and every digit is checked here, once.

use std::fmt;
use std::ops::Range;

use crate::bitmap::{Bitmap, BitmapWidth, MapForm, THIRD_MAP_NUMBER, ThirdMap};
use crate::characters::{hex_value, readable, to_readable};
use crate::dialect::{Dialect, PrefixKind};
use crate::message::{ENDS_MAX, Message};
use crate::mti::Mti;
use crate::numerals::Numerals;
use crate::packed;
use crate::prefix::{CUPS_HEADER_SIZE, CUPS_TOTAL_LENGTH_OFFSET, CUPS_TOTAL_LENGTH_SIZE};
use crate::spec::{Encoding, FieldSpec, LengthKind};

/// Data element number of the message type in errors.
const MTI_NUMBER: u8 = 0;
/// Data element number of the bitmap in errors.
const BITMAP_NUMBER: u8 = 1;

/// What is wrong with a body, and where. Carries no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{place} at byte {offset}: {kind}", place = Place(self.field))]
pub struct DecodeError {
    /// Data element; 0 is the message type, 1 the bitmap, `None` what is outside of them.
    pub field: Option<u8>,
    /// Byte of the body, from 0. The length in front of a frame is not counted.
    pub offset: usize,
    /// What is wrong.
    pub kind: DecodeErrorKind,
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeErrorKind {
    /// The body is over the dialect's largest frame.
    #[error("body is over the limit of {size_max} bytes")]
    BodyTooLong {
        /// Bytes of the largest frame.
        size_max: usize,
    },
    /// The body ends too early.
    #[error("{needed} bytes are needed, {available} are left")]
    Truncated {
        /// Bytes the table asks for.
        needed: usize,
        /// Bytes there are.
        available: usize,
    },
    /// The header between institutions does not say that it has 46 bytes.
    #[error("header length is {length}, it must be 46")]
    HeaderLength {
        /// What it says.
        length: u8,
    },
    /// The header between institutions states another length than came.
    #[error("header states a total of {stated} bytes, {received} were received")]
    TotalLength {
        /// What it says.
        stated: usize,
        /// Bytes of the body.
        received: usize,
    },
    /// A message type that the trade does not use. Never route it.
    #[error("message type is unknown")]
    UnknownMti {
        /// Its four digits.
        digits: [u8; 4],
    },
    /// A character that has no printable ASCII one as its counterpart.
    #[error("character has no counterpart in printable ascii")]
    NotText,
    /// A character that is none of upper-case hex.
    #[error("not a digit of upper-case hex")]
    NotHex,
    /// Bit 1 announces a second bitmap, which this dialect does not have.
    #[error("bit 1 is set, the dialect has 64 data elements")]
    SecondBitmap,
    /// A bit for a data element that the table does not have.
    #[error("the dialect has no such data element")]
    UnknownField,
    /// The length in front is over the maximum.
    #[error("length {length} is over the maximum of {length_max}")]
    Length {
        /// What it says, in digits or bytes.
        length: usize,
        /// What the table allows.
        length_max: usize,
    },
    /// Something that must be a digit is none.
    #[error("not a digit")]
    NotDigit,
    /// The fee does not start with `C` or `D`.
    #[error("sign is neither C nor D")]
    Sign,
    /// The unused half of a byte is not zero.
    #[error("pad nibble is not 0")]
    Padding,
    /// Bytes after the last data element.
    #[error("{count} bytes after the last data element")]
    Trailing {
        /// How many.
        count: usize,
    },
}

/// Writes which part of a message an error is about.
struct Place(Option<u8>);

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => formatter.write_str("frame"),
            Some(MTI_NUMBER) => formatter.write_str("message type"),
            Some(BITMAP_NUMBER) => formatter.write_str("bitmap"),
            Some(number) => write!(formatter, "de{number}"),
        }
    }
}

pub(crate) fn decode<'a>(
    dialect: &'static Dialect,
    body: &'a [u8],
) -> Result<Message<'a>, DecodeError> {
    let mut cursor = Cursor {
        rest: body,
        offset: 0,
        field: None,
    };
    if body.len() > dialect.frame_size_max {
        let size_max = dialect.frame_size_max;
        return Err(cursor.error(DecodeErrorKind::BodyTooLong { size_max }));
    }
    check_prefix(dialect, &mut cursor, body.len())?;
    let mti = take_mti(dialect, &mut cursor)?;
    let (bitmap, bitmap_width) = take_bitmaps(dialect, &mut cursor)?;
    let mut message = Message {
        dialect,
        body,
        readable: Vec::new(),
        mti,
        bitmap,
        bitmap_width,
        fields_start: cursor.offset_u16(),
        ends: [0; ENDS_MAX],
    };
    take_fields(&mut message, &mut cursor)?;
    if !cursor.rest.is_empty() {
        cursor.field = None;
        return Err(cursor.error(DecodeErrorKind::Trailing {
            count: cursor.rest.len(),
        }));
    }
    Ok(message)
}

/// The part of a body that is not read yet.
struct Cursor<'a> {
    rest: &'a [u8],
    offset: usize,
    field: Option<u8>,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(size) else {
            let available = self.rest.len();
            return Err(self.error(DecodeErrorKind::Truncated {
                needed: size,
                available,
            }));
        };
        self.rest = rest;
        self.offset += size;
        Ok(taken)
    }

    fn take_chunk<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<SIZE>() else {
            let available = self.rest.len();
            return Err(self.error(DecodeErrorKind::Truncated {
                needed: SIZE,
                available,
            }));
        };
        self.rest = rest;
        self.offset += SIZE;
        Ok(*taken)
    }

    /// An error at the next byte.
    fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        self.error_at(self.offset, kind)
    }

    fn error_at(&self, offset: usize, kind: DecodeErrorKind) -> DecodeError {
        DecodeError {
            field: self.field,
            offset,
            kind,
        }
    }

    /// The offset as it is kept in spans; a body is never longer than `u16`.
    fn offset_u16(&self) -> u16 {
        u16::try_from(self.offset).unwrap_or(u16::MAX)
    }
}

fn check_prefix(
    dialect: &Dialect,
    cursor: &mut Cursor<'_>,
    received: usize,
) -> Result<(), DecodeError> {
    match dialect.prefix {
        PrefixKind::None | PrefixKind::Tpdu | PrefixKind::TpduAndHeader => {
            cursor.take(dialect.prefix.size()).map(|_| ())
        }
        PrefixKind::CupsHeader => {
            let header: [u8; CUPS_HEADER_SIZE] = cursor.take_chunk()?;
            check_cups_header(&header, cursor, received)
        }
    }
}

fn check_cups_header(
    header: &[u8; CUPS_HEADER_SIZE],
    cursor: &Cursor<'_>,
    received: usize,
) -> Result<(), DecodeError> {
    let [length, ..] = *header;
    if usize::from(length) != CUPS_HEADER_SIZE {
        return Err(cursor.error_at(0, DecodeErrorKind::HeaderLength { length }));
    }
    let digits = header
        .iter()
        .skip(CUPS_TOTAL_LENGTH_OFFSET)
        .take(CUPS_TOTAL_LENGTH_SIZE);
    let mut total_length = [0; CUPS_TOTAL_LENGTH_SIZE];
    for (slot, digit) in total_length.iter_mut().zip(digits) {
        *slot = *digit;
    }
    let Some(stated) = to_usize(packed::ascii_number(&total_length)) else {
        return Err(cursor.error_at(CUPS_TOTAL_LENGTH_OFFSET, DecodeErrorKind::NotDigit));
    };
    if stated != received {
        let kind = DecodeErrorKind::TotalLength { stated, received };
        return Err(cursor.error_at(CUPS_TOTAL_LENGTH_OFFSET, kind));
    }
    Ok(())
}

fn take_mti(dialect: &Dialect, cursor: &mut Cursor<'_>) -> Result<Mti, DecodeError> {
    cursor.field = Some(MTI_NUMBER);
    let start = cursor.offset;
    let digits = match dialect.numerals {
        Numerals::Packed => {
            let [high, low] = cursor.take_chunk()?;
            [high >> 4, high & 0x0F, low >> 4, low & 0x0F].map(packed::character)
        }
        Numerals::Ascii => cursor.take_chunk()?,
        Numerals::Ebcdic(page) => cursor
            .take_chunk()?
            .map(|byte: u8| page.to_ascii(byte).unwrap_or_default()),
    };
    if let Some(index) = digits.iter().position(|digit| !digit.is_ascii_digit()) {
        let offset = match dialect.numerals {
            Numerals::Packed => start + index / 2,
            Numerals::Ascii | Numerals::Ebcdic(_) => start + index,
        };
        return Err(cursor.error_at(offset, DecodeErrorKind::NotDigit));
    }
    Mti::parse(digits)
        .filter(|mti| mti.version() == dialect.mti_version())
        .ok_or_else(|| cursor.error_at(start, DecodeErrorKind::UnknownMti { digits }))
}

/// Reads the bitmaps in front of the data elements.
fn take_bitmaps(
    dialect: &Dialect,
    cursor: &mut Cursor<'_>,
) -> Result<(Bitmap, BitmapWidth), DecodeError> {
    cursor.field = Some(BITMAP_NUMBER);
    let start = cursor.offset;
    let primary = take_map(dialect, cursor)?;
    let mut bitmap = Bitmap::new([primary, 0, 0]);
    if !bitmap.has(BITMAP_NUMBER) {
        return Ok((bitmap, BitmapWidth::Primary));
    }
    if dialect.bitmap.width_max == BitmapWidth::Primary {
        return Err(cursor.error_at(start, DecodeErrorKind::SecondBitmap));
    }
    bitmap = Bitmap::new([primary, take_map(dialect, cursor)?, 0]);
    // It announces the second bitmap and is no data element of its own.
    bitmap.remove(BITMAP_NUMBER);
    let has_third =
        dialect.bitmap.width_max == BitmapWidth::WithTertiary && bitmap.has(THIRD_MAP_NUMBER);
    if !has_third {
        return Ok((bitmap, BitmapWidth::WithSecondary));
    }
    if dialect.bitmap.third == ThirdMap::InFront {
        bitmap = bitmap.with_third(take_map(dialect, cursor)?);
        bitmap.remove(THIRD_MAP_NUMBER);
    }
    Ok((bitmap, BitmapWidth::WithTertiary))
}

fn take_map(dialect: &Dialect, cursor: &mut Cursor<'_>) -> Result<u64, DecodeError> {
    match dialect.bitmap.form {
        MapForm::Binary => cursor.take_chunk().map(u64::from_be_bytes),
        MapForm::Hex => {
            let start = cursor.offset;
            let characters: [u8; 16] = cursor.take_chunk()?;
            let mut map = 0;
            for (index, character) in characters.into_iter().enumerate() {
                let value = readable(dialect.numerals, character)
                    .and_then(hex_value)
                    .ok_or_else(|| cursor.error_at(start + index, DecodeErrorKind::NotHex))?;
                map = map << 4 | u64::from(value);
            }
            Ok(map)
        }
    }
}

/// Reads all data elements, and the third bitmap where that is one of them.
fn take_fields(message: &mut Message<'_>, cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
    let dialect = message.dialect;
    if dialect.numerals.code_page().is_some() {
        message.readable = message.body.to_vec();
    }
    let mut third = None;
    let mut index = 0;
    for number in message.bitmap.numbers() {
        // Its bit is left in the bitmap where the map stands among the data elements only.
        if number == THIRD_MAP_NUMBER && message.bitmap_width == BitmapWidth::WithTertiary {
            cursor.field = Some(BITMAP_NUMBER);
            third = Some(take_map(dialect, cursor)?);
            continue;
        }
        take_field(message, number, index, cursor)?;
        index += 1;
    }
    if let Some(third) = third {
        for number in Bitmap::new([0, 0, third]).numbers() {
            take_field(message, number, index, cursor)?;
            index += 1;
        }
        message.bitmap = message.bitmap.with_third(third);
        message.bitmap.remove(THIRD_MAP_NUMBER);
    }
    Ok(())
}

fn take_field(
    message: &mut Message<'_>,
    number: u8,
    index: usize,
    cursor: &mut Cursor<'_>,
) -> Result<(), DecodeError> {
    cursor.field = Some(number);
    let Some(spec) = message.dialect.field(number) else {
        return Err(cursor.error(DecodeErrorKind::UnknownField));
    };
    let length = match spec.length {
        LengthKind::Fixed => spec.length_max,
        LengthKind::Ll | LengthKind::Lll => take_length(spec, cursor)?,
    };
    let start = cursor.offset;
    let content = cursor.take(spec.content_size(usize::from(length)))?;
    let checked = if is_read_as_it_came(spec) {
        check_content(spec.encoding, content, length)
    } else {
        translate(spec, start..cursor.offset, message)
            .and_then(|content| check_content(spec.encoding, content, length))
    };
    if let Err((index, kind)) = checked {
        return Err(cursor.error_at(start + index, kind));
    }
    if let Some(end) = message.ends.get_mut(index) {
        *end = cursor.offset_u16();
    }
    Ok(())
}
fn take_length(spec: &FieldSpec, cursor: &mut Cursor<'_>) -> Result<u16, DecodeError> {
    let start = cursor.offset;
    let digits = cursor.take(spec.length_size())?;
    let Some(length) = spec.numerals.read_length(digits) else {
        return Err(cursor.error_at(start, DecodeErrorKind::NotDigit));
    };
    match u16::try_from(length) {
        Ok(length) if length <= spec.length_max => Ok(length),
        Ok(_) | Err(_) => {
            let length_max = spec.length_max();
            Err(cursor.error_at(start, DecodeErrorKind::Length { length, length_max }))
        }
    }
}

/// Whether callers can have the bytes of a value as they are in the frame.
fn is_read_as_it_came(spec: &FieldSpec) -> bool {
    let is_translated = spec.numerals.code_page().is_some() && spec.encoding.is_in_characters();
    !is_translated && spec.encoding != Encoding::Hex
}

/// Puts a value in its readable form into the message's own copy of the body, at the place that
/// it has in the body.
fn translate<'m>(
    spec: &FieldSpec,
    place: Range<usize>,
    message: &'m mut Message<'_>,
) -> Result<&'m [u8], (usize, DecodeErrorKind)> {
    if message.readable.is_empty() {
        message.readable = message.body.to_vec();
    }
    let content = message.readable.get_mut(place).unwrap_or_default();
    to_readable(spec, content)
}

fn to_usize(number: Option<u64>) -> Option<usize> {
    usize::try_from(number?).ok()
}

/// Checks the characters of a value. An error comes with the index of the byte.
fn check_content(
    encoding: Encoding,
    content: &[u8],
    length: u16,
) -> Result<(), (usize, DecodeErrorKind)> {
    let is_odd = length % 2 == 1;
    let not_a_digit = match encoding {
        Encoding::PackedLeft => packed::position_of_non_digits(content),
        Encoding::PackedRight => packed::position_of_non_digits(content),
        Encoding::PackedTrack => packed::position_of_non_track(content),
        Encoding::Digits => content.iter().position(|byte| !byte.is_ascii_digit()),
        Encoding::Track => content
            .iter()
            .position(|byte| packed::track_nibble(*byte).is_none()),
        Encoding::SignedDigits => return check_signed(content),
        Encoding::Text | Encoding::Binary | Encoding::Hex => None,
    };
    if let Some(index) = not_a_digit {
        return Err((index, DecodeErrorKind::NotDigit));
    }
    let pad = match encoding {
        Encoding::PackedLeft | Encoding::PackedTrack if is_odd => {
            content.last().map(|byte| (content.len() - 1, byte & 0x0F))
        }
        Encoding::PackedRight if is_odd => content.first().map(|byte| (0, byte >> 4)),
        Encoding::PackedLeft
        | Encoding::PackedTrack
        | Encoding::PackedRight
        | Encoding::Digits
        | Encoding::Track
        | Encoding::SignedDigits
        | Encoding::Text
        | Encoding::Binary
        | Encoding::Hex => None,
    };
    match pad {
        None | Some((_, 0)) => Ok(()),
        Some((index, _)) => Err((index, DecodeErrorKind::Padding)),
    }
}

fn check_signed(content: &[u8]) -> Result<(), (usize, DecodeErrorKind)> {
    let Some((b'C' | b'D', digits)) = content.split_first() else {
        return Err((0, DecodeErrorKind::Sign));
    };
    match digits.iter().position(|byte| !byte.is_ascii_digit()) {
        None => Ok(()),
        Some(index) => Err((index + 1, DecodeErrorKind::NotDigit)),
    }
}
