//! The form of a message for people and their tools, with all parts as plain text.
//!
//! Values read as in a specification: digits and text as they are, bytes as upper-case hex, the
//! separator of a track as `=`. A text byte that is not printable ASCII is `\xHH`. Serialisation
//! is up to whoever shows it.

use std::fmt;

use crate::bitmap::BitmapWidth;
use crate::cups_header::CupsHeader;
use crate::dialect::Dialect;
use crate::encode::{EncodeError, Encoder};
use crate::field::Field;
use crate::mask::mask;
use crate::message::Message;
use crate::mti::Mti;
use crate::prefix::Prefix;
use crate::spec::Encoding;
use crate::text_form::{escape, hex, unescape, unhex};

/// Whether card data is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    /// Card numbers show six and four digits; tracks, PIN blocks and keys show nothing.
    Masked,
    /// All is shown. For test data, and for whoever may see it.
    Revealed,
}

/// A message whose parts are text. `Debug` prints no values.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedMessage {
    /// Four digits.
    pub mti: String,
    /// What stands before the message type.
    pub prefix: OwnedPrefix,
    /// With how many bitmaps it comes.
    pub bitmap_width: BitmapWidth,
    /// Number and value of each data element, ascending.
    pub fields: Vec<(u8, String)>,
}

/// What stands before the message type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedPrefix {
    /// Nothing.
    None,
    /// A TPDU alone, in hex.
    Tpdu {
        /// 5 bytes.
        tpdu: String,
    },
    /// Of the terminal dialect, in hex.
    Pos {
        /// 5 bytes.
        tpdu: String,
        /// 6 bytes.
        header: String,
    },
    /// Of the dialect between institutions.
    Cups(CupsHeader),
}

/// Why a message in text cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnedMessageError {
    /// Not a message type.
    #[error("mti is not one of the trade, write four digits such as 0200")]
    Mti,
    /// A part of the prefix.
    #[error("{name} of the prefix has not the right form or length")]
    Prefix {
        /// Which part.
        name: &'static str,
    },
    /// Hex of a binary data element.
    #[error("de{number} is binary, write it as hex")]
    Hex {
        /// Data element.
        number: u8,
    },
    /// An escape in a text.
    #[error("de{number} has a backslash that starts neither \\\\ nor \\xHH")]
    Escape {
        /// Data element.
        number: u8,
    },
    /// A value that does not fit the table.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl OwnedMessage {
    /// Describes a decoded message.
    #[must_use]
    pub fn of(message: &Message<'_>, disclosure: Disclosure) -> Self {
        let mti = message.mti();
        let show = |field: Field<'_>| {
            let value = value_of(&field);
            let shown = match disclosure {
                Disclosure::Masked => mask(&field, mti, &value),
                Disclosure::Revealed => value,
            };
            (field.number(), shown)
        };
        Self {
            mti: mti.to_string(),
            prefix: OwnedPrefix::of(&message.prefix()),
            bitmap_width: message.bitmap_width(),
            fields: message.fields().map(show).collect(),
        }
    }

    /// Writes the message as a frame at the end of a buffer. Data elements may be in any order;
    /// lengths and bitmap follow from the values.
    ///
    /// # Errors
    /// [`OwnedMessageError`] names the part that does not fit; the buffer is then as before.
    pub fn encode(
        &self,
        dialect: &'static Dialect,
        buffer: &mut Vec<u8>,
    ) -> Result<(), OwnedMessageError> {
        let digits = self
            .mti
            .as_bytes()
            .try_into()
            .map_err(|_| OwnedMessageError::Mti)?;
        let mti = Mti::parse(digits).ok_or(OwnedMessageError::Mti)?;
        let prefix = self.prefix.to_prefix()?;
        let mut fields: Vec<_> = self.fields.iter().collect();
        fields.sort_by_key(|(number, _)| *number);
        let mut encoder = Encoder::with_bitmap(dialect, buffer, &prefix, mti, self.bitmap_width);
        for (number, value) in fields {
            write(&mut encoder, dialect, *number, value)?;
        }
        encoder.finish()?;
        Ok(())
    }
}

impl fmt::Debug for OwnedMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<u8> = self.fields.iter().map(|(number, _)| *number).collect();
        write!(
            formatter,
            "OwnedMessage({}, data elements {numbers:?})",
            self.mti
        )
    }
}

impl OwnedPrefix {
    fn of(prefix: &Prefix) -> Self {
        match prefix {
            Prefix::None => Self::None,
            Prefix::Tpdu { tpdu } => Self::Tpdu { tpdu: hex(tpdu) },
            Prefix::Pos { tpdu, header } => Self::Pos {
                tpdu: hex(tpdu),
                header: hex(header),
            },
            Prefix::Cups { header } => Self::Cups(CupsHeader::of(header)),
        }
    }

    fn to_prefix(&self) -> Result<Prefix, OwnedMessageError> {
        match self {
            Self::None => Ok(Prefix::None),
            Self::Tpdu { tpdu } => Ok(Prefix::Tpdu {
                tpdu: unhex_exactly("tpdu", tpdu)?,
            }),
            Self::Pos { tpdu, header } => Ok(Prefix::Pos {
                tpdu: unhex_exactly("tpdu", tpdu)?,
                header: unhex_exactly("header", header)?,
            }),
            Self::Cups(header) => header
                .to_bytes()
                .map(|header| Prefix::Cups { header })
                .map_err(|name| OwnedMessageError::Prefix { name }),
        }
    }
}

fn unhex_exactly<const SIZE: usize>(
    name: &'static str,
    text: &str,
) -> Result<[u8; SIZE], OwnedMessageError> {
    unhex(text)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(OwnedMessageError::Prefix { name })
}

fn value_of(field: &Field<'_>) -> String {
    match field.spec.encoding {
        Encoding::PackedLeft | Encoding::PackedRight | Encoding::PackedTrack => {
            field.packed_characters().map(char::from).collect()
        }
        Encoding::Digits | Encoding::Track | Encoding::SignedDigits | Encoding::Text => {
            escape(field.content)
        }
        Encoding::Binary | Encoding::Hex => hex(field.content),
    }
}

fn write(
    encoder: &mut Encoder<'_>,
    dialect: &'static Dialect,
    number: u8,
    value: &str,
) -> Result<(), OwnedMessageError> {
    let spec = dialect
        .field(number)
        .ok_or(EncodeError::UnknownField { number })?;
    match spec.encoding {
        Encoding::PackedLeft
        | Encoding::PackedRight
        | Encoding::PackedTrack
        | Encoding::Digits
        | Encoding::Track => encoder.digits(number, value),
        Encoding::SignedDigits | Encoding::Text => encoder.text(
            number,
            unescape(value).ok_or(OwnedMessageError::Escape { number })?,
        ),
        Encoding::Binary | Encoding::Hex => encoder.bytes(
            number,
            unhex(value).ok_or(OwnedMessageError::Hex { number })?,
        ),
    };
    Ok(())
}
