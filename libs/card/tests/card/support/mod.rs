//! One card in a world of its own: a clock, a settlement day, a small store, books, and a text
//! form of commands, so that tests are tables.

mod ask;
mod expectation;
mod script;
mod world;

pub(crate) use script::{Stage, check};
pub(crate) use world::World;

use money::Amount;

/// Reads yuan, `123.45`.
pub(crate) fn yuan(text: &str) -> Amount {
    let (major, minor) = text.split_once('.').unwrap_or((text, "00"));
    assert_eq!(minor.len(), 2, "`{text}` needs two decimals");
    let major: u64 = major
        .parse()
        .unwrap_or_else(|_| panic!("`{text}` is no amount"));
    let minor: u64 = minor
        .parse()
        .unwrap_or_else(|_| panic!("`{text}` is no amount"));
    Amount::from_minor(major * 100 + minor).unwrap()
}
