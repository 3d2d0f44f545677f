//! Card numbers and the other secrets of a card: PAN, track 2, PIN block, expiry, keyed hash.
//!
//! Each type holds its bytes inline, wipes them on drop, has no `Display` and no serialisation,
//! and prints a mask in `Debug`. The digits come out through one door, `expose()`, which is easy
//! to grep for. What was checked at construction holds from there on.
//!
//! Deliberately absent: routing by BIN, the vault, PIN verification, wire formats, any IO.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod expiry;
mod hash;
mod luhn;
mod number;
mod pin;
mod track;

pub use expiry::{Expiry, ExpiryError};
pub use hash::{PanHash, PanHasher};
pub use luhn::luhn_check_digit;
pub use number::{PAN_LENGTH_MAX, PAN_LENGTH_MIN, Pan, PanError};
pub use pin::PinBlock;
pub use track::{TRACK2_LENGTH_MAX, Track2, Track2Error};
