//! Real Kafka and real Cassandra for tests, fault tests and load tests, without containers.
//!
//! [`shared_kafka`] and [`shared_cassandra`] give a test the address of a server: the one named by
//! [`KAFKA_VARIABLE`] or [`CASSANDRA_VARIABLE`], else one of this process's own. A test keeps out of the way of
//! others by a topic prefix or a keyspace of its own, see [`unique`]. A test that needs faults starts its own
//! [`KafkaCluster`] or [`CassandraCluster`] and kills, freezes and restarts single nodes, numbered from 1.
//!
//! The servers are the published Maven artifacts, see [`Jars`], run by Java 17. Every node listens on a loopback
//! address of its own, so clusters of several processes live side by side. Cassandra stands in for ScyllaDB.
//!
//! Nothing is left behind: a node runs below a small shell that kills it and removes its folder when this
//! process ends, however it ends. With `FLOATSWITCH_KEEP_SERVERS` set, the folders stay in the temporary folder,
//! each node's log in `server.log`. `test-servers run -- COMMAND` starts both servers once for many processes.
//!
//! Works on Linux only. Not for production, and no client of either server.
#![warn(missing_docs)]

mod cassandra;
mod cluster;
mod error;
mod jars;
mod kafka;
mod loopback;
mod probe;
mod process;
mod shared;

pub use cassandra::{Cassandra, CassandraCluster, CassandraOptions, CommitlogSync};
pub use cluster::{Cluster, Node, Size, Software, Tuning};
pub use error::ServerError;
pub use jars::Jars;
pub use kafka::{Kafka, KafkaCluster, KafkaOptions};
pub use shared::{
    CASSANDRA_VARIABLE, KAFKA_VARIABLE, Served, shared_cassandra, shared_kafka, unique,
};
