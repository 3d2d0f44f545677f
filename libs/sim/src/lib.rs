//! The seeded simulator: the real processor and the real store of the cluster on virtual time, with
//! a simulated log, database, group and terminals, all driven by one seed.
//!
//! Start at [`campaign::Campaign`]; `docs/simulator.md` tells how to read what it says. Faults are
//! in `plan.rs`, what must hold is in `oracle.rs` and `verdict.rs`.
//!
//! Not here: ISO 8583 and links, the embedded log and store on real files, Kafka's and Cassandra's
//! own code.

#![warn(missing_docs)]

pub mod campaign;
mod database;
mod log;
mod node;
mod oracle;
mod orders;
mod plan;
mod rng;
mod run;
mod terminal;
mod verdict;
mod world;

pub use world::Violation;
