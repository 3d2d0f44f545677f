//! The store against a real server: Apache Cassandra, or what `FLOATSWITCH_TEST_CQL` names.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod cards;
mod checkpoints;
mod contract;
mod cuts;
mod faults;
mod ownership;
mod schema;
mod shared_tables;
mod support;
mod unknown;
