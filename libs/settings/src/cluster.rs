//! Settings of the cluster: where the log and the cards are when they are not in the data folder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::value::{Identifier, ListenAddress, TopicPrefix, Within};

/// The cluster: commands in Kafka, cards in ScyllaDB or Cassandra. With this table in the file the
/// process keeps nothing in its data folder but the key of card number hashes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Brokers to ask first.
    pub kafka: Vec<ListenAddress>,
    /// What the names of topics and of the consumer group begin with; empty for a broker of its own.
    pub topic_prefix: TopicPrefix,
    /// Copies of each topic, 1 to 7; 3 in production. With one copy a lost broker is lost money.
    pub topic_replication: Within<i32, 1, 7>,
    /// Partitions of the replies topic, 1 to 256. Connectors are dealt out to them.
    pub reply_partitions: Within<u16, 1, 256>,
    /// Nodes of the card store to ask first.
    pub cql: Vec<ListenAddress>,
    /// The keyspace, made by `cluster init`.
    pub keyspace: Identifier,
    /// Copies of each card in each data centre, by the names that the store gives them.
    pub cql_replication: BTreeMap<String, Within<u8, 1, 7>>,
    /// How many copies answer before a read or a write counts.
    pub consistency: Consistency,
    /// Name of a user of the card store, when it asks for one.
    #[serde(default)]
    pub cql_user: Option<String>,
    /// File with that user's password, on its first line.
    #[serde(default)]
    pub cql_password_file: Option<PathBuf>,
    /// How processors find out who has which partition.
    pub group_protocol: GroupProtocol,
    /// A processor that was not heard of for this time loses its partitions, 1 to 300 seconds. With the
    /// "consumer" protocol the broker's own setting holds instead.
    pub session_timeout_seconds: Within<u32, 1, 300>,
    /// Whether a processor that comes back within the session time-out keeps its partitions. Needs a
    /// `--name` that is the same after a restart, as of a StatefulSet.
    pub static_membership: bool,
    /// A partition with work and no progress for this time is given up and taken anew, 5 to 3600 seconds.
    /// More than the longest pause of a broker's failover.
    pub watchdog_seconds: Within<u32, 5, 3600>,
}

/// How many copies answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consistency {
    /// More than half of all copies.
    Quorum,
    /// More than half of the copies in this data centre: one region decides.
    LocalQuorum,
}

/// How a consumer group shares partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupProtocol {
    /// The members agree among themselves; any broker.
    Classic,
    /// The broker decides (KIP-848); Kafka 4 and later.
    Consumer,
}

/// Traces over OTLP. Without this table nothing is traced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tracing {
    /// The collector, such as `http://127.0.0.1:4318`.
    pub otlp_endpoint: String,
    /// One request in this many is traced, 1 to a million.
    pub sample_one_in: Within<u32, 1, 1_000_000>,
}
