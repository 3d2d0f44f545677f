//! From values to a frame, appended to a buffer that is used again.

use std::fmt;

use crate::bitmap::{Bitmap, BitmapWidth};
use crate::dialect::{Dialect, Numerals, PrefixKind};
use crate::field::Field;
use crate::frame::{self, FrameError, FrameStart};
use crate::message::Message;
use crate::mti::Mti;
use crate::packed;
use crate::prefix::{CUPS_TOTAL_LENGTH_OFFSET, CUPS_TOTAL_LENGTH_SIZE, Prefix};
use crate::spec::{Encoding, FieldSpec, LengthKind};

/// Most digits of a `u64`.
const NUMBER_DIGITS_MAX: usize = 20;

/// Why a frame was not written. All of these are ours, none is a peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A prefix of the other dialect.
    #[error("the prefix is one of another dialect")]
    Prefix,
    /// The message to answer is an answer itself.
    #[error("{mti} is an answer, it has none itself")]
    NotARequest {
        /// Its type.
        mti: Mti,
    },
    /// A number that the table does not have.
    #[error("de{number}: the dialect has no such data element")]
    UnknownField {
        /// Data element.
        number: u8,
    },
    /// A number that is not above the one before.
    #[error("de{number} comes after de{number_before}, write data elements in ascending order")]
    OutOfOrder {
        /// Data element.
        number: u8,
        /// The one before.
        number_before: u8,
    },
    /// Digits for a text, bytes for digits, and so on.
    #[error("de{number} is written as {encoding:?}, use the method for that")]
    Encoding {
        /// Data element.
        number: u8,
        /// How the table has it.
        encoding: Encoding,
    },
    /// Too long, or not the length of a fixed one.
    #[error("de{number}: length {length} does not fit the table's {length_max}")]
    Length {
        /// Data element.
        number: u8,
        /// What was given, in digits or bytes.
        length: usize,
        /// What the table has.
        length_max: usize,
    },
    /// A character that is no digit.
    #[error("de{number}: character {index} is not a digit")]
    NotDigit {
        /// Data element.
        number: u8,
        /// Where, from 0.
        index: usize,
    },
    /// A copy from a message in which the data element has another form.
    #[error("de{number} has another form in the dialect it is copied from")]
    OtherForm {
        /// Data element.
        number: u8,
    },
    /// The frame is too long.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Writes one frame at the end of a buffer.
///
/// Data elements are written in ascending order. The first error is kept and reported by
/// [`Encoder::finish`], and then, as when it is dropped unfinished, the buffer is as before.
#[must_use = "a frame that is not finished is taken back"]
pub struct Encoder<'b> {
    dialect: &'static Dialect,
    buffer: &'b mut Vec<u8>,
    frame: FrameStart,
    bitmap: Bitmap,
    bitmap_width: BitmapWidth,
    bitmap_start: usize,
    number_before: u8,
    progress: Result<(), EncodeError>,
    is_finished: bool,
}

impl<'b> Encoder<'b> {
    /// Starts a frame with its prefix and message type.
    ///
    /// The bitmap gets the dialect's usual width.
    pub fn new(
        dialect: &'static Dialect,
        buffer: &'b mut Vec<u8>,
        prefix: &Prefix,
        mti: Mti,
    ) -> Self {
        let bitmap_width = match dialect.field_number_max {
            ..=64 => BitmapWidth::Primary,
            65.. => BitmapWidth::WithSecondary,
        };
        Self::with_bitmap(dialect, buffer, prefix, mti, bitmap_width)
    }

    /// The same with a bitmap of given width. A second one exists between institutions only,
    /// where a message without data elements above 64 may leave it out.
    pub fn with_bitmap(
        dialect: &'static Dialect,
        buffer: &'b mut Vec<u8>,
        prefix: &Prefix,
        mti: Mti,
        bitmap_width: BitmapWidth,
    ) -> Self {
        let frame = frame::begin(dialect, buffer);
        prefix.write_to(buffer);
        match dialect.numerals {
            Numerals::Packed => packed::pack_left(&mti.digits(), buffer),
            Numerals::Ascii => buffer.extend_from_slice(&mti.digits()),
        }
        let bitmap_start = buffer.len();
        buffer.resize(bitmap_start + bitmap_width.size(), 0);
        let progress = if prefix.kind() == dialect.prefix {
            Ok(())
        } else {
            Err(EncodeError::Prefix)
        };
        Self {
            dialect,
            buffer,
            frame,
            bitmap: Bitmap::default(),
            bitmap_width,
            bitmap_start,
            number_before: 1,
            progress,
            is_finished: false,
        }
    }

    /// Starts the answer to a message: its prefix turned round, its type's answer.
    ///
    /// # Errors
    /// [`EncodeError::NotARequest`] when it is an answer itself.
    pub fn answer(message: &Message<'_>, buffer: &'b mut Vec<u8>) -> Result<Self, EncodeError> {
        let Some(mti) = message.mti().response() else {
            return Err(EncodeError::NotARequest { mti: message.mti() });
        };
        Ok(Self::new(
            message.dialect(),
            buffer,
            &message.prefix().answer(),
            mti,
        ))
    }

    /// Writes ASCII digits, and of a track also its separator, `=` or `D`.
    pub fn digits(&mut self, number: u8, digits: impl AsRef<[u8]>) -> &mut Self {
        self.write(number, Source::Digits(digits.as_ref()))
    }

    /// Writes a number with zeros in front into a data element of fixed length.
    pub fn number(&mut self, number: u8, value: u64) -> &mut Self {
        let mut digits = [b'0'; NUMBER_DIGITS_MAX];
        packed::write_ascii_number(value, &mut digits);
        self.write(number, Source::Number(&digits))
    }

    /// Writes characters, one in a byte. A fixed one needs its exact length.
    pub fn text(&mut self, number: u8, text: impl AsRef<[u8]>) -> &mut Self {
        self.write(number, Source::Text(text.as_ref()))
    }

    /// Writes the bytes of a binary data element.
    pub fn bytes(&mut self, number: u8, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.write(number, Source::Bytes(bytes.as_ref()))
    }

    /// Copies a data element of a decoded message as it came.
    pub fn copy(&mut self, number: u8, field: &Field<'_>) -> &mut Self {
        self.write(number, Source::Copy(*field))
    }

    /// Copies a data element of a decoded message if it is there.
    pub fn echo(&mut self, number: u8, message: &Message<'_>) -> &mut Self {
        match message.field(number) {
            Some(field) => self.copy(number, &field),
            None => self,
        }
    }

    /// Sets bitmap and lengths. The frame is whole from here on.
    ///
    /// # Errors
    /// The first [`EncodeError`] of this frame; the buffer is then as before the frame.
    pub fn finish(&mut self) -> Result<(), EncodeError> {
        self.progress?;
        if self.bitmap_width == BitmapWidth::WithSecondary {
            self.bitmap.insert(1);
        }
        let bitmap = self.bitmap.to_bytes();
        let bitmap_end = self.bitmap_start + self.bitmap_width.size();
        if let Some(slot) = self.buffer.get_mut(self.bitmap_start..bitmap_end) {
            for (byte, bits) in slot.iter_mut().zip(bitmap) {
                *byte = bits;
            }
        }
        if self.dialect.prefix == PrefixKind::CupsHeader {
            self.set_total_length();
        }
        frame::finish(self.dialect, self.buffer, &self.frame)?;
        self.is_finished = true;
        Ok(())
    }

    fn set_total_length(&mut self) {
        let body_start = self.frame.body_start(self.dialect);
        let total_length = self.buffer.len() - body_start;
        let start = body_start + CUPS_TOTAL_LENGTH_OFFSET;
        if let Some(slot) = self.buffer.get_mut(start..start + CUPS_TOTAL_LENGTH_SIZE) {
            packed::write_ascii_number(u64::try_from(total_length).unwrap_or(u64::MAX), slot);
        }
    }

    fn write(&mut self, number: u8, source: Source<'_>) -> &mut Self {
        if self.progress.is_ok() {
            self.progress = self.try_write(number, source);
        }
        self
    }

    fn try_write(&mut self, number: u8, source: Source<'_>) -> Result<(), EncodeError> {
        let is_mapped = number <= 64 || self.bitmap_width == BitmapWidth::WithSecondary;
        let spec = self.dialect.field(number).filter(|_| is_mapped);
        let spec = spec.ok_or(EncodeError::UnknownField { number })?;
        let number_before = self.number_before;
        if number <= number_before {
            return Err(EncodeError::OutOfOrder {
                number,
                number_before,
            });
        }
        if let Source::Copy(field) = source {
            if !field.spec.has_wire_form_of(spec) {
                return Err(EncodeError::OtherForm { number });
            }
            self.buffer.extend_from_slice(field.wire);
        } else {
            let content = source.content(number, spec)?;
            self.write_content(number, spec, content)?;
        }
        self.bitmap.insert(number);
        self.number_before = number;
        Ok(())
    }

    fn write_content(
        &mut self,
        number: u8,
        spec: &FieldSpec,
        content: &[u8],
    ) -> Result<(), EncodeError> {
        check_length(number, spec, content.len())?;
        check_characters(number, spec.encoding, content)?;
        self.write_length(spec.length, content.len());
        match spec.encoding {
            Encoding::PackedLeft | Encoding::PackedTrack => {
                packed::pack_left(content, self.buffer);
            }
            Encoding::PackedRight => packed::pack_right(content, self.buffer),
            Encoding::Digits
            | Encoding::Track
            | Encoding::SignedDigits
            | Encoding::Text
            | Encoding::Binary => self.buffer.extend_from_slice(content),
        }
        Ok(())
    }

    fn write_length(&mut self, kind: LengthKind, length: usize) {
        let mut digits = [b'0'; 4];
        packed::write_ascii_number(u64::try_from(length).unwrap_or(u64::MAX), &mut digits);
        let digit_count = match (self.dialect.numerals, kind) {
            (Numerals::Packed | Numerals::Ascii, LengthKind::Fixed) => return,
            (Numerals::Packed | Numerals::Ascii, LengthKind::Ll) => 2,
            (Numerals::Packed, LengthKind::Lll) => 4,
            (Numerals::Ascii, LengthKind::Lll) => 3,
        };
        let digits = digits.get(4 - digit_count..).unwrap_or_default();
        match self.dialect.numerals {
            Numerals::Packed => packed::pack_left(digits, self.buffer),
            Numerals::Ascii => self.buffer.extend_from_slice(digits),
        }
    }
}

impl fmt::Debug for Encoder<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The buffer holds card numbers.
        write!(
            formatter,
            "Encoder({}, up to de{})",
            self.dialect.name, self.number_before
        )
    }
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.frame.abandon(self.buffer);
        }
    }
}

/// What a caller gave for a value.
#[derive(Clone, Copy)]
enum Source<'s> {
    Digits(&'s [u8]),
    Number(&'s [u8; NUMBER_DIGITS_MAX]),
    Text(&'s [u8]),
    Bytes(&'s [u8]),
    Copy(Field<'s>),
}

impl<'s> Source<'s> {
    /// The characters or bytes to write, if the table has the value that way.
    fn content(self, number: u8, spec: &FieldSpec) -> Result<&'s [u8], EncodeError> {
        let encoding = spec.encoding;
        let is_numeric = match encoding {
            Encoding::PackedLeft
            | Encoding::PackedRight
            | Encoding::PackedTrack
            | Encoding::Digits
            | Encoding::Track => true,
            Encoding::SignedDigits | Encoding::Text | Encoding::Binary => false,
        };
        let is_binary = encoding == Encoding::Binary;
        match self {
            Self::Digits(digits) if is_numeric => Ok(digits),
            Self::Number(digits) if is_numeric && spec.length == LengthKind::Fixed => {
                number_content(number, spec, digits)
            }
            Self::Text(text) if !is_numeric && !is_binary => Ok(text),
            Self::Bytes(bytes) if is_binary => Ok(bytes),
            Self::Copy(field) => Ok(field.content),
            Self::Digits(_) | Self::Number(_) | Self::Text(_) | Self::Bytes(_) => {
                Err(EncodeError::Encoding { number, encoding })
            }
        }
    }
}

/// The last digits of a number, when those before are zeros.
fn number_content<'s>(
    number: u8,
    spec: &FieldSpec,
    digits: &'s [u8; NUMBER_DIGITS_MAX],
) -> Result<&'s [u8], EncodeError> {
    let length_max = spec.length_max();
    let too_long = EncodeError::Length {
        number,
        length: NUMBER_DIGITS_MAX,
        length_max,
    };
    let (upper, lower) = NUMBER_DIGITS_MAX
        .checked_sub(length_max)
        .and_then(|upper_count| digits.split_at_checked(upper_count))
        .ok_or(too_long)?;
    match upper.iter().position(|digit| *digit != b'0') {
        None => Ok(lower),
        Some(index) => {
            let length = NUMBER_DIGITS_MAX - index;
            Err(EncodeError::Length {
                number,
                length,
                length_max,
            })
        }
    }
}

fn check_length(number: u8, spec: &FieldSpec, length: usize) -> Result<(), EncodeError> {
    let length_max = spec.length_max();
    let fits = match spec.length {
        LengthKind::Fixed => length == length_max,
        LengthKind::Ll | LengthKind::Lll => length <= length_max,
    };
    if fits {
        Ok(())
    } else {
        Err(EncodeError::Length {
            number,
            length,
            length_max,
        })
    }
}

fn check_characters(number: u8, encoding: Encoding, content: &[u8]) -> Result<(), EncodeError> {
    let position = match encoding {
        Encoding::PackedLeft | Encoding::PackedRight | Encoding::Digits => {
            content.iter().position(|byte| !byte.is_ascii_digit())
        }
        Encoding::PackedTrack | Encoding::Track => content
            .iter()
            .position(|byte| packed::track_nibble(*byte).is_none()),
        Encoding::SignedDigits => match content.split_first() {
            Some((b'C' | b'D', digits)) => digits
                .iter()
                .position(|byte| !byte.is_ascii_digit())
                .map(|index| index + 1),
            Some(_) | None => Some(0),
        },
        Encoding::Text | Encoding::Binary => None,
    };
    position.map_or(Ok(()), |index| Err(EncodeError::NotDigit { number, index }))
}
