//! The adapter against a real Kafka: the shared one, and clusters of its own where brokers are frozen or killed.

#![expect(clippy::unwrap_used, reason = "these are all tests and their helpers")]

mod contract;
mod faults;
mod membership;
mod publishing;
mod reading;
mod replies;
mod support;
mod topics;
