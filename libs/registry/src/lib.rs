//! Who takes part: participants, their terminals, merchants, and the media that name cards.
//!
//! - [`Register`]: participants, merchants and terminals, given at the start and checked as a
//!   whole. Read-only from then on; [`Register::version`] goes into the facts of each command.
//! - [`Media`]: which plastic or token belongs to which card, by the keyed hash of its number, in
//!   a database of its own folder.
//! - [`pan_hash_key`]: the key of that hash, a file of its own.
//!
//! Deliberately absent: card numbers (only their keyed hash, BIN and last four are kept), the state
//! of a card or medium (the card itself has it, so nothing cached here can be out of date), PIN and
//! link keys, configuration files.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod media;
mod media_book;
pub mod medium_codec;
mod names;
pub mod pan_hash_key;
mod register;
mod register_checks;
mod terminals;

pub use media::{ListingCursor, MEDIA_CACHED_MAX, Media, MediaError};
pub use media_book::{MediaBook, MediaFuture};
pub use medium_codec::{Medium, RegisteredMedium};
pub use names::{NameError, ParticipantId, merchant_id, terminal_id};
pub use register::{Merchant, Participant, Register, Terminal, TerminalRef};
pub use register_checks::RegisterError;
