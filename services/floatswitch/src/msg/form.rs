//! Messages as JSON objects. The names of the keys are kept for good: programs rely on them.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::hex::hex;
use iso8583::{
    BitmapWidth, CupsHeader, Dialect, EncodeError, OwnedMessage, OwnedMessageError, OwnedPrefix,
};

/// A message: what stands before it, its type, its data elements.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MessageForm {
    mti: String,
    /// 5 bytes in hex, where the dialect has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tpdu: Option<String>,
    /// Where the dialect has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<HeaderForm>,
    /// Only where it has another number of parts than a writer would give it: between institutions
    /// without a second one. Only its length counts, its bits follow from the data elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bitmap: Option<String>,
    fields: Vec<FieldForm>,
}

/// A data element: digits and text as they are, bytes as hex.
#[derive(Debug, Serialize, Deserialize)]
struct FieldForm {
    n: u8,
    value: String,
}

/// The header of either dialect.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum HeaderForm {
    /// Of a terminal, 6 bytes in hex.
    Pos(String),
    /// Of an institution, part by part.
    Cups(CupsHeaderForm),
}

/// As [`CupsHeader`]; what is always the same may be left out.
#[derive(Debug, Serialize, Deserialize)]
struct CupsHeaderForm {
    #[serde(default = "header_length")]
    header_length: u8,
    #[serde(default = "version")]
    version: String,
    /// Computed when a frame is written.
    #[serde(default)]
    total_length: u16,
    destination: String,
    source: String,
    #[serde(default = "three_zero_bytes")]
    reserved: String,
    #[serde(default = "zero_byte")]
    batch: String,
    #[serde(default = "eight_zeros")]
    transaction_info: String,
    #[serde(default = "zero_byte")]
    user_info: String,
    #[serde(default = "five_zeros")]
    reject_code: String,
}

fn header_length() -> u8 {
    46
}
fn version() -> String {
    "02".to_owned()
}
fn three_zero_bytes() -> String {
    "000000".to_owned()
}
fn zero_byte() -> String {
    "00".to_owned()
}
fn eight_zeros() -> String {
    "00000000".to_owned()
}
fn five_zeros() -> String {
    "00000".to_owned()
}

/// Stands in the place of a message that cannot be read or written.
#[derive(Debug, Serialize)]
pub(super) struct ErrorForm<'a> {
    pub(super) error: &'a Problem,
}

/// What is wrong with a message.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// Data element; 0 is the message type, 1 the bitmap, none what is outside of them.
    pub(super) field: Option<u8>,
    /// Byte of the body, from 0; the length in front of a frame is not counted.
    pub(super) offset: Option<usize>,
    pub(super) message: String,
}

impl Problem {
    /// Of the whole line.
    pub(super) fn plain(message: impl Display) -> Self {
        Self {
            field: None,
            offset: None,
            message: message.to_string(),
        }
    }

    /// Of the frame, at a byte.
    pub(super) fn at(offset: usize, message: String) -> Self {
        Self {
            field: None,
            offset: Some(offset),
            message,
        }
    }
}

/// The data element that an error is about, if it is about one.
pub(super) fn field_of(error: &OwnedMessageError) -> Option<u8> {
    match error {
        OwnedMessageError::Mti => Some(0),
        OwnedMessageError::Prefix { .. } => None,
        OwnedMessageError::Hex { number } | OwnedMessageError::Escape { number } => Some(*number),
        OwnedMessageError::Encode(error) => field_of_encode(error),
    }
}

fn field_of_encode(error: &EncodeError) -> Option<u8> {
    match error {
        EncodeError::UnknownField { number }
        | EncodeError::OutOfOrder { number, .. }
        | EncodeError::Encoding { number, .. }
        | EncodeError::Length { number, .. }
        | EncodeError::NotDigit { number, .. }
        | EncodeError::NotText { number, .. }
        | EncodeError::OtherForm { number } => Some(*number),
        EncodeError::MtiVersion { .. } => Some(0),
        EncodeError::Prefix | EncodeError::NotARequest { .. } | EncodeError::Frame(_) => None,
    }
}

impl MessageForm {
    /// Reads an object. Errors name the place and never a value, which may be a card number.
    pub(super) fn read(line: &str) -> Result<Self, Problem> {
        serde_json::from_str(line).map_err(|error| {
            let text = error.to_string();
            let column = error.column();
            let is_about_keys = text.starts_with("missing field") || error.is_syntax();
            let what = if is_about_keys {
                text.as_str()
            } else {
                "not the form of a message"
            };
            let what = what.split(" at line").next().unwrap_or_default();
            Problem::plain(format!(
                "{what} at column {column}: write an object as `msg decode -o json` prints it"
            ))
        })
    }

    pub(super) fn of(dialect: &Dialect, message: &OwnedMessage) -> Self {
        let (tpdu, header) = match &message.prefix {
            OwnedPrefix::None => (None, None),
            OwnedPrefix::Tpdu { tpdu } => (Some(tpdu.clone()), None),
            OwnedPrefix::Pos { tpdu, header } => {
                (Some(tpdu.clone()), Some(HeaderForm::Pos(header.clone())))
            }
            OwnedPrefix::Cups(header) => (None, Some(HeaderForm::Cups(CupsHeaderForm::of(header)))),
        };
        let width = message.bitmap_width;
        let is_usual = width == dialect.usual_bitmap_width(last_field(&message.fields));
        let fields = message.fields.iter();
        Self {
            mti: message.mti.clone(),
            tpdu,
            header,
            bitmap: (!is_usual).then(|| bitmap(width, &message.fields)),
            fields: fields
                .map(|(n, value)| FieldForm {
                    n: *n,
                    value: value.clone(),
                })
                .collect(),
        }
    }

    pub(super) fn into_message(self, dialect: &'static Dialect) -> Result<OwnedMessage, Problem> {
        let prefix = prefix_of(self.tpdu, self.header, dialect)?;
        let fields: Vec<(u8, String)> = self
            .fields
            .into_iter()
            .map(|field| (field.n, field.value))
            .collect();
        let usual = dialect.usual_bitmap_width(last_field(&fields));
        let told = match self.bitmap.as_deref().map(str::len) {
            None => Some(usual),
            Some(16) => Some(BitmapWidth::Primary),
            Some(32) => Some(BitmapWidth::WithSecondary),
            Some(48) => Some(BitmapWidth::WithTertiary),
            Some(_) => None,
        };
        let bitmap_width = told.filter(|width| *width <= dialect.bitmap_width_max());
        let bitmap_width = bitmap_width.ok_or_else(|| Problem {
            field: Some(1),
            ..Problem::plain(
                "bitmap has not the length of the dialect: leave it out, it is computed",
            )
        })?;
        Ok(OwnedMessage {
            mti: self.mti,
            prefix,
            bitmap_width,
            fields,
        })
    }
}

/// What stands before the message type, as the dialect has it.
fn prefix_of(
    tpdu: Option<String>,
    header: Option<HeaderForm>,
    dialect: &Dialect,
) -> Result<OwnedPrefix, Problem> {
    let plain = |text| Err(Problem::plain(text));
    match (tpdu, header, dialect.has_tpdu(), dialect.header_size()) {
        (None, None, false, 0) => Ok(OwnedPrefix::None),
        (Some(tpdu), None, true, 0) => Ok(OwnedPrefix::Tpdu { tpdu }),
        (Some(tpdu), Some(HeaderForm::Pos(header)), true, 1..) => {
            Ok(OwnedPrefix::Pos { tpdu, header })
        }
        (None, Some(HeaderForm::Cups(header)), false, 1..) => {
            Ok(OwnedPrefix::Cups(header.into_header()))
        }
        (None, _, true, _) => plain("tpdu is missing, write its 5 bytes as hex"),
        (Some(_), _, false, _) => plain("the dialect has no tpdu, leave it out"),
        (_, Some(_), _, 0) => plain("the dialect has no header, leave it out"),
        (_, None, _, _) => plain("header is missing, write it as `msg decode -o json` prints it"),
        (_, Some(_), _, _) => plain("header is one of another dialect"),
    }
}

/// Number of the last data element.
fn last_field(fields: &[(u8, String)]) -> u8 {
    let numbers = fields.iter().map(|(number, _)| *number);
    numbers.max().unwrap_or_default()
}

impl CupsHeaderForm {
    fn of(header: &CupsHeader) -> Self {
        let header = header.clone();
        Self {
            header_length: header.header_length,
            version: header.version,
            total_length: header.total_length,
            destination: header.destination,
            source: header.source,
            reserved: header.reserved,
            batch: header.batch,
            transaction_info: header.transaction_info,
            user_info: header.user_info,
            reject_code: header.reject_code,
        }
    }

    fn into_header(self) -> CupsHeader {
        CupsHeader {
            header_length: self.header_length,
            version: self.version,
            total_length: self.total_length,
            destination: self.destination,
            source: self.source,
            reserved: self.reserved,
            batch: self.batch,
            transaction_info: self.transaction_info,
            user_info: self.user_info,
            reject_code: self.reject_code,
        }
    }
}

/// The bitmaps of these data elements in hex: element n is the nth bit from the left.
fn bitmap(width: BitmapWidth, fields: &[(u8, String)]) -> String {
    let mut bytes = vec![0; 8 * width.map_count()];
    let announced = [
        (BitmapWidth::WithSecondary, 1),
        (BitmapWidth::WithTertiary, 65),
    ];
    let announced = announced.into_iter().filter(|(from, _)| width >= *from);
    let numbers = announced
        .map(|(_, number)| number)
        .chain(fields.iter().map(|(number, _)| *number));
    for index in numbers.filter_map(|number| number.checked_sub(1)) {
        if let Some(byte) = bytes.get_mut(usize::from(index / 8)) {
            *byte |= 0x80 >> (index % 8);
        }
    }
    hex(&bytes)
}
