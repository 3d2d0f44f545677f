//! Double entry in integers: accounts, postings, balanced entries, and the books they add up to.
//!
//! An [`Entry`] that does not balance cannot be made (LEDGER-1). A correction is a new entry, most
//! often the exact [`Entry::mirror`] of the wrong one. Knows nothing of cards' rules, days or IO.

#![warn(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod account;
mod books;
mod entry;

pub use account::{Account, AccountKind};
pub use books::{Books, BooksError};
pub use entry::{Entry, EntryError, Posting, Side};
