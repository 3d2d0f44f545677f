//! The adapter against a real Kafka: the shared one, and clusters of its own where brokers are frozen or killed.

mod contract;
mod faults;
mod membership;
mod publishing;
mod reading;
mod replies;
mod support;
mod topics;
