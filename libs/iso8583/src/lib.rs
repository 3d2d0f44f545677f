//! ISO 8583 as acquirers and the interbank network speak it: bytes to message and back.
//!
//! A dialect is a table ([`Dialect`]), read from a text file; the code knows only its axes: how a
//! length is given, how characters are written, how long a value may be. A reader cuts frames with
//! [`frame::next_frame`], reads them with [`Message::decode`], which borrows and, where characters
//! are ASCII, allocates nothing, and answers with an [`Encoder`], which appends to a buffer that is
//! used again. [`OwnedMessage`] is the form for people: tools show it and take it back.
//!
//! ```
//! use iso8583::frame::{self, NextFrame};
//! use iso8583::{Dialect, Encoder, Message};
//!
//! # fn answer(received: &[u8], out: &mut Vec<u8>) -> Result<usize, Box<dyn std::error::Error>> {
//! let NextFrame::Frame { body, consumed } = frame::next_frame(Dialect::pos(), received)? else {
//!     return Ok(0); // Read more first.
//! };
//! let request = Message::decode(Dialect::pos(), received.get(body).unwrap_or_default())?;
//! let amount = request.number(4);
//! let code = if amount.is_some() { "00" } else { "30" };
//! let mut answer = Encoder::answer(&request, out)?;
//! answer.echo(3, &request).echo(4, &request).echo(11, &request).text(39, code).finish()?;
//! # Ok(consumed)
//! # }
//! # let echo = b"\x00\x1B\x60\x00\x03\x00\x00\x60\x31\x00\x31\x10\x01\x08\x20\x20\x20\x00\x00\
//! #     \x00\x00\x00\x00\x00\x00\x00\x00\x00\x01";
//! # let mut out = Vec::new();
//! # assert_eq!(answer(&echo[..10], &mut out).unwrap(), 0);
//! # assert_eq!(answer(echo, &mut out).unwrap(), echo.len());
//! # assert_eq!(&out[13..15], [0x08, 0x30]);
//! ```
//!
//! Nothing a peer sends can panic, loop or allocate beyond its frame, and what was accepted
//! encodes to the same bytes again.
//!
//! Deliberately absent: sockets, clocks, sessions, keys, what a message means for a card.
#![warn(missing_docs)]
#![warn(clippy::indexing_slicing)]
#![forbid(unsafe_code)]

pub mod frame;

mod balance;
mod bitmap;
mod characters;
mod cups_header;
mod decode;
mod describe;
mod dialect;
mod digits;
mod ebcdic;
mod encode;
mod encode_check;
mod field;
mod mask;
mod message;
mod mti;
mod numerals;
mod packed;
mod pos_fields;
mod prefix;
mod spec;
mod text_form;

pub use balance::{BALANCE_SIZE, Balance, BalanceError, BalanceKind};
pub use bitmap::BitmapWidth;
pub use cups_header::CupsHeader;
pub use decode::{DecodeError, DecodeErrorKind};
pub use describe::{Disclosure, OwnedMessage, OwnedMessageError, OwnedPrefix};
pub use dialect::{Dialect, DialectError, DialectProblem, Speaks};
pub use digits::{DIGITS_MAX, Digits};
pub use encode::{EncodeError, Encoder};
pub use field::Field;
pub use message::Message;
pub use mti::{Mti, MtiClass, MtiFunction, MtiOrigin, MtiVersion};
pub use pos_fields::{PosF60, PosF61, SubFieldError};
pub use prefix::{CUPS_HEADER_SIZE, POS_HEADER_SIZE, Prefix, TPDU_SIZE};
pub use spec::{Encoding, FieldSpec, LengthKind, Sensitivity, ValueKind};
