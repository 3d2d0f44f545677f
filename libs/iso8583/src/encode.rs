//! From values to a frame, appended to a buffer that is used again.

use std::fmt;

use crate::bitmap::{Bitmap, BitmapWidth, MapForm, THIRD_MAP_NUMBER};
use crate::characters::hex_characters;
use crate::dialect::{Dialect, PrefixKind};
use crate::encode_check::{NUMBER_DIGITS_MAX, check_characters, check_length, number_content};
use crate::field::Field;
use crate::frame::{self, FrameError, FrameStart};
use crate::message::Message;
use crate::mti::Mti;
use crate::numerals::Numerals;
use crate::packed;
use crate::prefix::{CUPS_TOTAL_LENGTH_OFFSET, CUPS_TOTAL_LENGTH_SIZE, Prefix};
use crate::spec::{Encoding, FieldSpec, LengthKind, ValueKind};

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
    /// A message type of the other version of the standard.
    #[error("{mti} is of another version than the dialect's message types")]
    MtiVersion {
        /// The type.
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
    /// A character that the dialect's code page does not have.
    #[error("de{number}: character {index} has no counterpart in the dialect's code page")]
    NotText {
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
    /// Where the first data element above 65 starts: there stands a third bitmap that is data
    /// element 65.
    above_65_start: Option<usize>,
    number_before: u8,
    progress: Result<(), EncodeError>,
    is_finished: bool,
}

impl<'b> Encoder<'b> {
    /// Starts a frame with its prefix and message type.
    ///
    /// It gets as many bitmaps as its data elements need, and no fewer than the dialect always
    /// sends.
    pub fn new(
        dialect: &'static Dialect,
        buffer: &'b mut Vec<u8>,
        prefix: &Prefix,
        mti: Mti,
    ) -> Self {
        Self::with_bitmap(dialect, buffer, prefix, mti, dialect.bitmap.width_min)
    }

    /// The same with at least so many bitmaps. Between institutions, a message without data
    /// elements above 64 may leave out the second one.
    pub fn with_bitmap(
        dialect: &'static Dialect,
        buffer: &'b mut Vec<u8>,
        prefix: &Prefix,
        mti: Mti,
        bitmap_width: BitmapWidth,
    ) -> Self {
        let frame = frame::begin(dialect, buffer);
        prefix.write_to(buffer);
        dialect.numerals.write_digits(&mti.digits(), buffer);
        let bitmap_width = bitmap_width.min(dialect.bitmap.width_max);
        let bitmap_start = buffer.len();
        let maps_size = dialect.bitmap.size_in_front(bitmap_width);
        buffer.resize(bitmap_start + maps_size, 0);
        let progress = if prefix.kind() != dialect.prefix {
            Err(EncodeError::Prefix)
        } else if mti.version() != dialect.mti_version() {
            Err(EncodeError::MtiVersion { mti })
        } else {
            Ok(())
        };
        Self {
            dialect,
            buffer,
            frame,
            bitmap: Bitmap::default(),
            bitmap_width,
            bitmap_start,
            above_65_start: None,
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
        self.set_bitmaps();
        if self.dialect.prefix == PrefixKind::CupsHeader {
            self.set_total_length();
        }
        frame::finish(self.dialect, self.buffer, &self.frame)?;
        self.is_finished = true;
        Ok(())
    }

    fn set_bitmaps(&mut self) {
        if self.bitmap_width >= BitmapWidth::WithSecondary {
            self.bitmap.insert(1);
        }
        if self.bitmap_width == BitmapWidth::WithTertiary {
            self.bitmap.insert(THIRD_MAP_NUMBER);
        }
        let spec = self.dialect.bitmap;
        let map_size = spec.form.map_size();
        let in_front_end = self.bitmap_start + spec.size_in_front(self.bitmap_width);
        let mut start = self.bitmap_start;
        for map in self
            .bitmap
            .maps()
            .into_iter()
            .take(self.bitmap_width.map_count())
        {
            if start == in_front_end {
                // The third map as data element 65: room was left out so far.
                start = self.above_65_start.unwrap_or(self.buffer.len());
                make_room(self.buffer, start, map_size);
            }
            if let Some(slot) = self.buffer.get_mut(start..start + map_size) {
                write_map(self.dialect, map, slot);
            }
            start += map_size;
        }
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
        let spec = self
            .dialect
            .field(number)
            .ok_or(EncodeError::UnknownField { number })?;
        let number_before = self.number_before;
        if number <= number_before {
            return Err(EncodeError::OutOfOrder {
                number,
                number_before,
            });
        }
        if number > 64 {
            self.widen_for(number);
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

    /// Makes room for the bitmaps that a data element above 64 needs.
    fn widen_for(&mut self, number: u8) {
        let wider = BitmapWidth::for_field(number);
        if wider > self.bitmap_width {
            let spec = self.dialect.bitmap;
            let before = spec.size_in_front(self.bitmap_width);
            let added = spec.size_in_front(wider) - before;
            make_room(self.buffer, self.bitmap_start + before, added);
            self.bitmap_width = wider;
            self.above_65_start = self.above_65_start.map(|start| start + added);
        }
        if number > THIRD_MAP_NUMBER && self.above_65_start.is_none() {
            self.above_65_start = Some(self.buffer.len());
        }
    }

    fn write_content(
        &mut self,
        number: u8,
        spec: &FieldSpec,
        content: &[u8],
    ) -> Result<(), EncodeError> {
        check_length(number, spec, content.len())?;
        check_characters(number, spec, content)?;
        self.write_length(spec, content.len());
        match spec.encoding {
            Encoding::PackedLeft | Encoding::PackedTrack => {
                packed::pack_left(content, self.buffer);
            }
            Encoding::PackedRight => packed::pack_right(content, self.buffer),
            Encoding::Digits | Encoding::Track | Encoding::SignedDigits | Encoding::Text => {
                match spec.numerals.code_page() {
                    None => self.buffer.extend_from_slice(content),
                    // All of them are in the page: that was checked.
                    Some(page) => self
                        .buffer
                        .extend(content.iter().filter_map(|byte| page.of_ascii(*byte))),
                }
            }
            Encoding::Binary => self.buffer.extend_from_slice(content),
            Encoding::Hex => self.buffer.extend(
                content
                    .iter()
                    .flat_map(|byte| hex_characters(spec.numerals, *byte)),
            ),
        }
        Ok(())
    }

    fn write_length(&mut self, spec: &FieldSpec, length: usize) {
        let mut digits = [b'0'; 4];
        packed::write_ascii_number(u64::try_from(length).unwrap_or(u64::MAX), &mut digits);
        let digit_count = match (spec.numerals, spec.length) {
            (Numerals::Packed | Numerals::Ascii | Numerals::Ebcdic(_), LengthKind::Fixed) => return,
            (Numerals::Packed, LengthKind::Lll) => 4,
            (Numerals::Packed | Numerals::Ascii | Numerals::Ebcdic(_), LengthKind::Ll) => 2,
            (Numerals::Ascii | Numerals::Ebcdic(_), LengthKind::Lll) => 3,
        };
        let digits = digits.get(4 - digit_count..).unwrap_or_default();
        spec.numerals.write_digits(digits, self.buffer);
    }
}

/// Puts zero bytes into a buffer at a place.
fn make_room(buffer: &mut Vec<u8>, start: usize, size: usize) {
    let end = buffer.len();
    buffer.resize(end + size, 0);
    buffer.copy_within(start..end, start + size);
    if let Some(room) = buffer.get_mut(start..start + size) {
        room.fill(0);
    }
}

/// Writes one bitmap in the dialect's form.
fn write_map(dialect: &Dialect, map: u64, slot: &mut [u8]) {
    let bytes = map.to_be_bytes();
    match dialect.bitmap.form {
        MapForm::Binary => slot.copy_from_slice(&bytes),
        MapForm::Hex => {
            let (pairs, _) = slot.as_chunks_mut::<2>();
            for (pair, byte) in pairs.iter_mut().zip(bytes) {
                *pair = hex_characters(dialect.numerals, byte);
            }
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
        match (self, encoding.kind()) {
            (Self::Digits(digits), ValueKind::Numeric) => Ok(digits),
            (Self::Number(digits), ValueKind::Numeric) if spec.length == LengthKind::Fixed => {
                number_content(number, spec, digits)
            }
            (Self::Text(text), ValueKind::Text) => Ok(text),
            (Self::Bytes(bytes), ValueKind::Binary) => Ok(bytes),
            (Self::Copy(field), _) => Ok(field.content),
            (Self::Digits(_) | Self::Number(_) | Self::Text(_) | Self::Bytes(_), _) => {
                Err(EncodeError::Encoding { number, encoding })
            }
        }
    }
}
