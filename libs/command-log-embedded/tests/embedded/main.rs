//! The embedded log from outside: its contract, its faults, its recovery, its segments.

mod contract;
mod faults;
mod recovery;
mod segments;
mod support;
