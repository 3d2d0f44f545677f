//! One data element of a decoded message.

use std::fmt;

use crate::digits::Digits;
use crate::packed;
use crate::spec::{Encoding, FieldSpec, ValueKind};

/// A data element inside a frame. Borrows; its form was checked when the message was decoded.
///
/// `Debug` prints no content, because that may be a card number or worse.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub(crate) number: u8,
    pub(crate) spec: &'static FieldSpec,
    pub(crate) wire: &'a [u8],
    pub(crate) content: &'a [u8],
    /// In digits of packed values, in bytes of others.
    pub(crate) length: usize,
}

impl<'a> Field<'a> {
    /// Number of the data element.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// The dialect's row for it.
    #[must_use]
    pub fn spec(&self) -> &'static FieldSpec {
        self.spec
    }

    /// The bytes as they came: length, content, padding.
    #[must_use]
    pub fn wire(&self) -> &'a [u8] {
        self.wire
    }

    /// The value without the length in front: packed digits as they came, characters as ASCII,
    /// bytes.
    #[must_use]
    pub fn content(&self) -> &'a [u8] {
        self.content
    }

    /// Digits of a packed value, bytes of another.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// ASCII digits of a numeric value, and of a track, whose separator is then `=`.
    ///
    /// `None` for text and binary values and for more than [`crate::DIGITS_MAX`] characters.
    #[must_use]
    pub fn digits(&self) -> Option<Digits> {
        match self.spec.encoding {
            Encoding::PackedLeft | Encoding::PackedTrack => Digits::fill(self.length, |slots| {
                packed::unpack_left(self.content, slots)
            }),
            Encoding::PackedRight => Digits::fill(self.length, |slots| {
                packed::unpack_right(self.content, slots)
            }),
            Encoding::Digits => Digits::copy_of(self.content),
            Encoding::Track => Digits::fill(self.length, |slots| {
                for (slot, byte) in slots.iter_mut().zip(self.content) {
                    *slot = if *byte == b'D' { b'=' } else { *byte };
                }
            }),
            Encoding::SignedDigits | Encoding::Text | Encoding::Binary | Encoding::Hex => None,
        }
    }

    /// Characters of a value that is written one in a byte; `None` for packed and binary values.
    #[must_use]
    pub fn text(&self) -> Option<&'a [u8]> {
        match self.spec.encoding {
            Encoding::Digits | Encoding::Track | Encoding::SignedDigits | Encoding::Text => {
                Some(self.content)
            }
            Encoding::PackedLeft
            | Encoding::PackedRight
            | Encoding::PackedTrack
            | Encoding::Binary
            | Encoding::Hex => None,
        }
    }

    /// Bytes of a binary value; `None` for others.
    #[must_use]
    pub fn bytes(&self) -> Option<&'a [u8]> {
        (self.spec.encoding.kind() == ValueKind::Binary).then_some(self.content)
    }

    /// As [`Self::digits`] for numeric values, of any length. Allocates.
    ///
    /// `None` for tracks, text and binary values.
    #[must_use]
    pub fn long_digits(&self) -> Option<Vec<u8>> {
        match self.spec.encoding {
            Encoding::PackedLeft | Encoding::PackedRight => {
                Some(self.packed_characters().collect())
            }
            Encoding::Digits => Some(self.content.to_vec()),
            Encoding::PackedTrack
            | Encoding::Track
            | Encoding::SignedDigits
            | Encoding::Text
            | Encoding::Binary
            | Encoding::Hex => None,
        }
    }

    /// Characters of a packed value, without its padding.
    pub(crate) fn packed_characters(&self) -> impl Iterator<Item = u8> + use<'a> {
        let odd_is_in_front = self.spec.encoding == Encoding::PackedRight && self.length % 2 == 1;
        packed::nibbles(self.content)
            .skip(usize::from(odd_is_in_front))
            .take(self.length)
            .map(packed::character)
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Field(de{}, length {})",
            self.number, self.length
        )
    }
}
