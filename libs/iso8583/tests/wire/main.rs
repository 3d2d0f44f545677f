//! Tests of the codec from outside: golden vectors, the form for people, hostile bytes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod describe;
mod dialect_file;
mod encoder;
mod generic;
mod golden;
mod hostile;
mod support;
