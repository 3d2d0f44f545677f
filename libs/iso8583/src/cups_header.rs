//! The header between institutions, part by part.

use crate::prefix::CUPS_HEADER_SIZE;
use crate::text_form::{escape, hex, unescape, unhex};

/// Header of 46 bytes in the form for people. Parts of bytes are upper-case hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CupsHeader {
    /// Always 46.
    pub header_length: u8,
    /// Flag and version, one byte in hex.
    pub version: String,
    /// Bytes of header and message. Set anew when the message is written.
    pub total_length: u16,
    /// Institution it goes to, 11 characters, filled with spaces.
    pub destination: String,
    /// Institution it comes from, 11 characters, filled with spaces.
    pub source: String,
    /// Three bytes in hex.
    pub reserved: String,
    /// Batch, one byte in hex.
    pub batch: String,
    /// Eight characters.
    pub transaction_info: String,
    /// One byte in hex.
    pub user_info: String,
    /// Why the network refused the message, five characters, 00000 when it did not.
    pub reject_code: String,
}

impl CupsHeader {
    /// Takes a header apart. The total length was checked by the decoder.
    pub(crate) fn of(header: &[u8; CUPS_HEADER_SIZE]) -> Self {
        let mut parts = Parts { rest: header };
        Self {
            header_length: parts.take(1).first().copied().unwrap_or_default(),
            version: hex(parts.take(1)),
            total_length: parts.number(4),
            destination: escape(parts.take(11)),
            source: escape(parts.take(11)),
            reserved: hex(parts.take(3)),
            batch: hex(parts.take(1)),
            transaction_info: escape(parts.take(8)),
            user_info: hex(parts.take(1)),
            reject_code: escape(parts.take(5)),
        }
    }

    /// Puts the header together; the name of the first part that has not its form otherwise.
    pub(crate) fn to_bytes(&self) -> Result<[u8; CUPS_HEADER_SIZE], &'static str> {
        if usize::from(self.header_length) != CUPS_HEADER_SIZE {
            return Err("header_length");
        }
        let mut bytes = vec![self.header_length];
        push(&mut bytes, "version", unhex(&self.version), 1)?;
        push(&mut bytes, "total_length", Some(vec![b'0'; 4]), 4)?;
        push(&mut bytes, "destination", unescape(&self.destination), 11)?;
        push(&mut bytes, "source", unescape(&self.source), 11)?;
        push(&mut bytes, "reserved", unhex(&self.reserved), 3)?;
        push(&mut bytes, "batch", unhex(&self.batch), 1)?;
        push(
            &mut bytes,
            "transaction_info",
            unescape(&self.transaction_info),
            8,
        )?;
        push(&mut bytes, "user_info", unhex(&self.user_info), 1)?;
        push(&mut bytes, "reject_code", unescape(&self.reject_code), 5)?;
        bytes.try_into().map_err(|_| "header")
    }
}

/// A header of which parts are cut one after the other.
struct Parts<'h> {
    rest: &'h [u8],
}

impl<'h> Parts<'h> {
    fn take(&mut self, size: usize) -> &'h [u8] {
        let (part, rest) = self.rest.split_at_checked(size).unwrap_or_default();
        self.rest = rest;
        part
    }

    fn number(&mut self, size: usize) -> u16 {
        let number = crate::packed::ascii_number(self.take(size));
        number
            .and_then(|number| u16::try_from(number).ok())
            .unwrap_or_default()
    }
}

fn push(
    bytes: &mut Vec<u8>,
    name: &'static str,
    part: Option<Vec<u8>>,
    size: usize,
) -> Result<(), &'static str> {
    let part = part.filter(|part| part.len() == size).ok_or(name)?;
    bytes.extend_from_slice(&part);
    Ok(())
}
