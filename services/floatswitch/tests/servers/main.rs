//! The program with real Kafka and Cassandra servers, where nothing is broken on purpose.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "../certification/mod.rs"]
mod certification;
mod certify;
mod moves;
mod support;
mod tracing;
