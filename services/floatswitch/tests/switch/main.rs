//! The program as its operator meets it: killed, fed with garbage, on a full disk, on a folder that
//! it may not write. After each of them the money check.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod books;
#[path = "../certification/mod.rs"]
mod certification;
mod certify;
mod check;
mod crash;
mod cut_over;
mod days;
mod disk;
mod garbage;
mod operations;
mod reconciliation;
mod support;
mod transfer;
