//! What all partitions of one processor process have in common.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{code_of, now};
use card::Position;
use card_processor::{Bundles, Parts, ProcessorSettings};
use card_store_scylla::{AssignedStore, CqlSession, Ownership, Skips};
use command_log::{CommandLog as _, PartitionGates, ReplySink};
use command_log_kafka::KafkaLog;
use settings::Settings;
use telemetry::Tracer;

/// Shared by all partitions.
pub(super) struct ProcessorParts {
    /// What is added to the offsets of the topic.
    pub(super) offset_base: u64,
    /// This process in the ownership table.
    pub(super) name: String,
    pub(super) cql: CqlSession,
    pub(super) log: Arc<KafkaLog>,
    pub(super) ownership: Ownership,
    pub(super) skips: Skips,
    pub(super) bundles: Arc<dyn Bundles>,
    pub(super) replies: Arc<dyn ReplySink>,
    pub(super) tracer: Tracer,
    pub(super) settings: ProcessorSettings,
    pub(super) switch: Settings,
    pub(super) watchdog: Duration,
}

impl ProcessorParts {
    /// What one partition is folded with.
    pub(super) fn of_one(
        &self,
        store: Arc<AssignedStore>,
        skips: BTreeSet<Position>,
    ) -> Parts<AssignedStore, KafkaLog> {
        Parts {
            store,
            log: Arc::clone(&self.log),
            bundles: Arc::clone(&self.bundles),
            replies: Arc::clone(&self.replies),
            code_of,
            // Connectors are elsewhere: what they may append, the ownership table tells them.
            gates: Arc::new(PartitionGates::closed(self.log.log_id().partition_count)),
            skips,
            tracer: self.tracer.clone(),
            wall_clock: now,
        }
    }
}
