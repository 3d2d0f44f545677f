//! The media of a whole cluster, in its database: the same book as `registry::Media`, for many
//! machines.
//!
//! Deliberately absent: participants, merchants and terminals (every process is given them at its
//! start), keys, and the state of a card or medium.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod at_hand;
mod book;
mod listing;
mod media;

pub use media::CqlMedia;
