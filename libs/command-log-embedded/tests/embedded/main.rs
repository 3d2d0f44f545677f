//! The embedded log from outside: its contract, its faults, its recovery, its segments.

#![expect(clippy::unwrap_used, reason = "these are all tests and their helpers")]

mod contract;
mod faults;
mod recovery;
mod segments;
mod support;
