//! The processor over in-memory log and store, with faults on demand.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod days;
mod life;
mod support;
mod takeover;
