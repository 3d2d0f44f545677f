//! Where a scenario runs: the program under test and the servers below it.

use std::path::PathBuf;
use std::sync::Arc;

use test_servers::{CassandraCluster, KafkaCluster, unique};

use crate::error::FaultError;

/// The program under test and the servers below it.
#[derive(Debug, Clone)]
pub struct Site {
    /// `floatswitch`, built with the feature `cluster`.
    pub program: PathBuf,
    /// `host:port`, separated by commas.
    pub kafka: String,
    /// `host:port`, separated by commas.
    pub cassandra: String,
    /// The brokers, when they are ours to harm.
    pub brokers: Option<Arc<KafkaCluster>>,
    /// The nodes, when they are ours to harm.
    pub nodes: Option<Arc<CassandraCluster>>,
}

// === impl Site ===

impl Site {
    /// A site on servers of our own.
    pub fn of(program: PathBuf, brokers: Arc<KafkaCluster>, nodes: Arc<CassandraCluster>) -> Self {
        Self {
            program,
            kafka: brokers.bootstrap(),
            cassandra: nodes.contact_points().join(","),
            brokers: Some(brokers),
            nodes: Some(nodes),
        }
    }

    pub(crate) fn brokers(&self) -> Result<Arc<KafkaCluster>, FaultError> {
        self.brokers.clone().ok_or_else(|| foreign("kafka"))
    }

    pub(crate) fn nodes(&self) -> Result<Arc<CassandraCluster>, FaultError> {
        self.nodes.clone().ok_or_else(|| foreign("cassandra"))
    }

    /// Copies of each topic.
    pub(crate) fn topic_copies(&self) -> usize {
        copies(self.kafka.split(',').count())
    }

    /// Copies of each card.
    pub(crate) fn card_copies(&self) -> usize {
        copies(self.cassandra.split(',').count())
    }

    /// A name for topics and tables that no other rig has.
    pub(crate) fn unique_name() -> String {
        unique("faults")
    }
}

/// Two nodes are no majority of anything: they hold one copy.
fn copies(nodes_count: usize) -> usize {
    if nodes_count >= 3 { 3 } else { 1 }
}

fn foreign(what: &str) -> FaultError {
    FaultError::Driver(format!(
        "this scenario does harm to {what}, so it needs servers of its own: give it none by environment"
    ))
}
