//! Real servers are started, harmed and brought back; nothing of them is left.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cassandra;
mod kafka;
mod program;
mod wire;
